"""The folder for files that have to outlive an agent."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from pathlib import Path
from typing import Callable, List, Optional, TypeVar

Result = TypeVar("Result")

# A disk that does not answer, such as a hung network mount, is waited for that long: the attempt matters more.
DISK_SECONDS = 2.0

# Where the temporary folder is read-only, as with a read-only root, this one often is not.
_SHARED_MEMORY = "/dev/shm"  # noqa: S108


def on_disk(work: Callable[[], Result], seconds: float = DISK_SECONDS) -> Result:
    """The result of work on a disk. Raises OSError also if the disk takes too long."""
    results: List[Result] = []
    errors: List[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="lastbeat-disk", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # no more threads
        raise OSError(str(error)) from error
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise OSError("the disk does not answer")
    return results[0]


def read_text(file: Path, most: int) -> str:
    """The text of a file, in ASCII. Raises OSError for what is no file, or larger, and ValueError for other bytes.

    A named pipe is opened without waiting for somebody who writes.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{file} is no file")
        found = opened.read(most + 1)
    if len(found) > most:
        raise OSError(f"{file} has more than {most} bytes")
    return found.decode("ascii")


def is_ours(found: os.stat_result) -> bool:
    """Whether a file belongs to us. What other users have put there is not read, and not trusted with a token."""
    return found.st_uid == os.getuid()


def state_folder(chosen: Optional[Path], say: Callable[[str], None]) -> Optional[Path]:
    """The folder for reports that are not delivered yet, the same as that of the other agents.

    A byte is written there. A chosen folder is taken as it is. The default is one folder per user in the temporary
    folder, where another user could have made it before us, or else in the shared memory. If there is none, that is
    said, and the answer is None.
    """
    refusals: List[str] = []
    parents = [os.environ.get("TMPDIR") or "/tmp", _SHARED_MEMORY]  # noqa: S108 - whose folder it is is looked at
    for folder in [chosen] if chosen is not None else [Path(parent) / f"lastbeat-{os.getuid()}" for parent in parents]:
        refusal = _refusal(folder, is_chosen=chosen is not None)
        if refusal is None:
            return folder
        refusals.append(refusal)
    say(refusals[0])
    return None


def _refusal(folder: Path, *, is_chosen: bool) -> Optional[str]:
    """Why nothing is kept in a folder; None if it can be used."""
    try:
        on_disk(lambda: _prove(folder))
        if is_chosen or on_disk(lambda: _is_ours_alone(folder)):
            return None
        return f"{folder} is not ours alone: nothing is kept there; name another folder in LASTBEAT_STATE_DIR"
    except OSError as error:
        return f"{folder} cannot be used, so no report is kept there: {error}"


def _prove(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, probe = tempfile.mkstemp(prefix=".probe-", dir=folder)
    try:
        os.write(descriptor, b".")
    finally:
        os.close(descriptor)
        os.unlink(probe)  # noqa: PTH108 - mkstemp answers with a text


def _is_ours_alone(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and is_ours(found) and not found.st_mode & 0o022
