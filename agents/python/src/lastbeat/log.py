"""The agent's own lines, for people."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import sys
import threading
import time
from typing import Callable, Optional

from .clock import wall_clock
from .times import format_instant

# So many lines wait for a reader who is slow. What is more is left out, and counted.
_MOST_WAITING = 256

_LOGGER = logging.getLogger("lastbeat")


# The descriptor of stderr.
_STDERR = 2


def to_stderr(line: str) -> None:
    """Writes a line as the other agents do. LASTBEAT_QUIET=1 is for none, and LASTBEAT_LOG=json for one object each.

    Neither logging nor sys.stderr is used: a pipe that nobody reads would keep one of their locks, and Python waits for
    that when it ends.
    """
    if os.environ.get("LASTBEAT_QUIET") == "1" or sys.__stderr__ is None:
        return
    text = f"lastbeat: {line}"
    if os.environ.get("LASTBEAT_LOG") == "json":
        text = json.dumps({"time": format_instant(wall_clock()), "message": line}, ensure_ascii=False)
    os.write(_STDERR, f"{text}\n".encode("utf-8", "replace"))


def to_logging(line: str) -> None:
    """For `say`: lines go to the logger `lastbeat`. They are warnings, because Python shows nothing below by itself.

    A handler that waits, as one that writes to a pipe that nobody reads, keeps the process from its end.
    """
    _LOGGER.warning("%s", line)


def printable(text: str) -> str:
    """What comes from elsewhere must not move the cursor of a terminal, or end a line."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


class Log:
    """Says lines on a thread of its own: a log that is full or not read must not keep the agent from beating."""

    def __init__(self, sink: Callable[[str], None] = to_stderr) -> None:
        self._sink = sink
        self._waiting: queue.Queue[Optional[str]] = queue.Queue(_MOST_WAITING)
        self._left_out = 0
        self._thread = threading.Thread(target=self._write, name="lastbeat-log", daemon=True)
        self._thread.start()

    def say(self, line: str) -> None:
        """Never waits. May be called from any thread."""
        try:
            self._waiting.put_nowait(printable(line))
        except queue.Full:
            self._left_out += 1

    def close(self, seconds: float) -> None:
        """Waits so long for what has been said. What is said afterwards is lost."""
        until = time.monotonic() + seconds
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=seconds)
        self._thread.join(max(0.0, until - time.monotonic()))

    def _write(self) -> None:
        while True:
            line = self._waiting.get()
            if line is None:
                return
            if self._left_out > 0:
                count, self._left_out = self._left_out, 0
                self._put(f"{count} lines were left out: nobody read them in time")
            self._put(line)

    def _put(self, line: str) -> None:
        with contextlib.suppress(Exception):  # a handler of the user's fails: that is the log's matter
            self._sink(line)
