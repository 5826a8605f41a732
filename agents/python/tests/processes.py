"""Real processes: the embedded server, and programs with an attempt in them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

from lastbeat import Client

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE.parents[1]

Json = Dict[str, Any]


def until(is_so: Callable[[], object], seconds: float = 20.0) -> None:
    """Looks again until it is so. The bound is far beyond what it takes, for a machine that is busy."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


class Program:
    """A process of ours: what it printed so far, and how it left."""

    def __init__(self, line: Sequence[str], environment: Optional[Dict[str, str]] = None) -> None:
        self.process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **(environment or {})},
        )
        self.lines: List[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout:
            for line in self.process.stdout:
                self.lines.append(line.rstrip("\n"))

    def line(self, pattern: str, seconds: float = 20.0) -> re.Match[str]:
        """The first line that matches, also one that was printed already."""

        def found() -> Optional[re.Match[str]]:
            return next((match for match in (re.search(pattern, line) for line in list(self.lines)) if match), None)

        end = time.monotonic() + seconds
        while True:
            is_over = self.process.poll() is not None and not self._reader.is_alive()
            match = found()
            if match is not None:
                return match
            assert not is_over, f"left with {self.process.returncode} without {pattern}: {self.lines}"
            assert time.monotonic() < end, f"no line like {pattern}: {self.lines}"
            time.sleep(0.02)

    def left(self, seconds: float = 40.0) -> int:
        """The exit code; that of a signal is negative."""
        code = self.process.wait(seconds)
        self._reader.join(5)
        return code

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)

    @property
    def said(self) -> str:
        return "\n".join(self.lines)


class Server(Program):
    """The embedded server in a process of its own, from the moment it answers."""

    def __init__(self) -> None:
        path = f"{ROOT / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
        node = shutil.which("node", path=path)
        assert node is not None, "the embedded server needs Node 24: npm ci"
        super().__init__([node, str(ROOT / "bin.mjs"), "dev", "--port", "0", "--sweep", "1"])
        self.url = self.line(r"listens on (http:\S+)", 60).group(1)
        self.sqs = self.line(r"SQS +(http:\S+)").group(1)
        self.queue_url = self.line(r"requeues +(http:\S+)").group(1)
        self.client = Client(self.url)

    def register(self, run: str, **spec: object) -> str:
        return str(self.client.register(run, spec)["ticket"])

    def record(self, run: str) -> Json:
        return self.client.run(run)

    def record_when(self, run: str, is_reached: Callable[[Json], object], seconds: float = 30.0) -> Json:
        """The record once it is as asked."""
        found: List[Json] = []

        def look() -> bool:
            found[:] = [self.record(run)]
            return bool(is_reached(found[0]))

        until(look, seconds)
        return found[0]

    def stop(self) -> None:
        self.send(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.end()


def environment_of(url: str, ticket: str, folder: Path, **more: str) -> Dict[str, str]:
    """What a program with an attempt in it is started with."""
    return {
        "LASTBEAT_URL": url,
        "LASTBEAT_TICKET": ticket,
        "LASTBEAT_HOST": "i-0e2e",
        "LASTBEAT_STATE_DIR": str(folder),
        "LASTBEAT_IMDS": "off",
        "PYTHONPATH": str(PACKAGE / "src"),
        "PYTHONUNBUFFERED": "1",
        **more,
    }


# One write for each line: threads of a program must not write into each other's lines.
_HEAD = """
import lastbeat, os, signal, sys, threading, time
def print(*words):
    os.write(1, (" ".join(str(word) for word in words) + chr(10)).encode())
"""


def program(text: str, environment: Dict[str, str]) -> Program:
    """A Python program of a few lines."""
    return Program([sys.executable, "-c", _HEAD + textwrap.dedent(text)], environment)


def kept_in(folder: Path) -> List[Json]:
    """The reports that are kept there."""
    kept = []
    for file in sorted(folder.glob("*.report.json")):
        with contextlib.suppress(FileNotFoundError):  # delivered meanwhile
            kept.append(json.loads(file.read_text()))
    return kept


def is_running(pid: int) -> bool:
    """Whether a process is there and runs. One that only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"
