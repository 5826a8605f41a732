"""Reports that could not be delivered yet. All agents keep them in one folder, and deliver each other's."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple

from .answer import Answer
from .client import Client
from .failover import addresses_of
from .folder import is_ours, on_disk
from .heart import is_definite
from .ticket import parse_credential
from .wire import FinishBody, Report

_ENDING = ".report.json"
# A report has a message of 4 KiB and a credential. A larger file is not one of ours.
_MOST_BYTES = 64 * 1024
# How many older reports one agent delivers, the newest first. A later agent finds the rest.
_MOST_LEFTOVERS = 20
# After the retention of 30 days the service does not know the run any more.
_OLDEST_SECONDS = 30 * 24 * 3600
# For each request about another agent's run, because our own run matters more.
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Kept:
    """A report with all that is needed to deliver it."""

    url: str
    run: str
    token: str
    report: Report

    def to_json(self) -> str:
        return json.dumps({"url": self.url, "run": self.run, "token": self.token, "report": self.report.to_wire()})


def read_kept(text: str) -> Optional[Kept]:
    """A report as an agent has kept it; None if the text is none."""
    try:
        found = json.loads(text)
        given = found["report"]
        report = Report(
            outcome=given["outcome"],
            reason=given.get("reason"),
            exit_code=given.get("exitCode"),
            signal=given.get("signal"),
            message=given.get("message"),
            memory_limit_bytes=given.get("memoryLimitBytes"),
        )
        kept = Kept(found["url"], found["run"], found["token"], report)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    texts = (kept.url, kept.run, kept.token, report.outcome)
    claims = parse_credential(kept.token) if all(isinstance(one, str) for one in texts) else None
    return kept if claims is not None and claims.run == kept.run else None


class Keeper:
    """Keeps the report of one attempt until it is answered. One without a folder keeps nothing."""

    def __init__(self, folder: Optional[Path], name: str, url: str, run: str, say: Callable[[str], None]) -> None:
        self._file = None if folder is None else folder / f"{name}{_ENDING}"
        self._url = url
        self._run = run
        self._say = say

    def keep(self, token: str, report: Report, seconds: float) -> None:
        """Writes the report within so many seconds. A disk that is full or read-only is said, and the agent goes on."""
        file = self._file
        if file is None:
            return
        started = file.with_name(f"{file.name}.new")
        text = Kept(self._url, self._run, token, report).to_json()
        try:
            on_disk(lambda: _replace(started, file, text), seconds)
        except OSError as error:
            self._say(f"the report is not kept on disk: {error}")
            _remove(started)

    def forget(self) -> None:
        """The report was answered once and for all."""
        if self._file is not None:
            _remove(self._file)


def _replace(started: Path, file: Path, text: str) -> None:
    """Under another name first, so that a report that is found is whole."""
    descriptor = os.open(started, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
    started.replace(file)


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):  # another agent has removed it, or the disk is read-only
        on_disk(file.unlink)


def deliver_leftovers(
    folder: Path,
    addresses: Sequence[str],
    identity_file: Optional[Path],
    over: threading.Event,
    say: Callable[[str], None],
) -> None:
    """Delivers once what earlier agents could not, until `over` is set. A report with a definite answer is removed.

    A report goes only to the front doors of this agent: a user who can write to the folder must not choose where the
    identity of a cluster goes.
    """
    try:
        for file in _leftovers(folder):
            if over.is_set():
                return
            _deliver(file, addresses, identity_file, over, say)
    except OSError as error:
        say(f"older reports could not be looked for: {error}")


def _leftovers(folder: Path) -> List[Path]:
    """Our own reports, the newest first. Those that are too old to matter are removed."""
    found: List[Tuple[float, Path]] = []
    for file in on_disk(lambda: sorted(folder.glob(f"*{_ENDING}"))):
        try:
            entry = on_disk(file.lstat)
        except OSError:
            continue  # delivered by another agent meanwhile
        if not stat.S_ISREG(entry.st_mode) or not is_ours(entry) or entry.st_size > _MOST_BYTES:
            continue
        if time.time() - entry.st_mtime > _OLDEST_SECONDS:
            _remove(file)
        else:
            found.append((entry.st_mtime, file))
    return [file for _, file in sorted(found, reverse=True)[:_MOST_LEFTOVERS]]


def _deliver(
    file: Path,
    addresses: Sequence[str],
    identity_file: Optional[Path],
    over: threading.Event,
    say: Callable[[str], None],
) -> None:
    try:
        kept = read_kept(on_disk(lambda: file.read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return  # delivered by another agent meanwhile
    if kept is None:
        say(f"{file} is not a report of ours; it is removed")
        _remove(file)
        return
    ours = [address for address in addresses_of(kept.url) if address in addresses]
    if not ours:
        return  # it belongs to another front door, and stays
    client = Client(ours, identity_file=identity_file, timeout_seconds=_TIMEOUT_SECONDS)
    for _ in ours:
        answer: Answer[FinishBody] = client.finish(kept.token, kept.report)
        if is_definite(answer):
            _remove(file)
            return
        if over.is_set():
            return
