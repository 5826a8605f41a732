"""The program `lastbeat`, which a wheel for a platform carries."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Iterator, Mapping, NoReturn, Optional, Sequence

from .errors import BinaryMissing

_CARRIED = Path(__file__).parent / "_bin" / "lastbeat"

# The exit code of `lastbeat exec` when the agent itself fails.
AGENT_ERROR = 125

# Names the process that has become what was found.
_BECAME = "LASTBEAT_BECAME_BY_PYTHON"

# A script that pip makes for this very function has less.
_SCRIPT_BYTES = 4096


def binary() -> str:
    """The path of the program: that of LASTBEAT_BINARY, the one in this package, or the first one on the PATH.

    Raises BinaryMissing, which says what to do.
    """
    named = os.environ.get("LASTBEAT_BINARY")
    if named:
        if _is_program(Path(named)):
            return named
        raise BinaryMissing(f"LASTBEAT_BINARY names {named}, and that is not a program")
    for path in _candidates():
        if _is_program(path):
            return str(path)
    raise BinaryMissing(
        "this wheel has no program for this platform: build agents/go, "
        "and set LASTBEAT_BINARY to it or put it on the PATH"
    )


def _candidates() -> Iterator[Path]:
    yield _CARRIED
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = Path(folder) / "lastbeat"
        if folder and not _is_script_of_ours(path):
            yield path


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _is_script_of_ours(path: Path) -> bool:
    """Whether it is a script that would look for the program as we do, without an end."""
    try:
        with path.open("rb") as opened:
            head = opened.read(_SCRIPT_BYTES)
    except OSError:
        return False
    return head.startswith(b"#!") and b"from lastbeat" in head


def main() -> NoReturn:
    """Becomes the program with the arguments of this one."""
    become(sys.argv[1:], os.environ)


def become(arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Becomes the program, so that no Python stays beside the work."""
    failure: Optional[Exception] = None
    try:
        # A script that finds the program for us, as pyenv has one, may have become this script again, without an end.
        if os.environ.get(_BECAME) == str(os.getpid()):
            raise BinaryMissing(
                "what is called lastbeat on the PATH calls this script again: set LASTBEAT_BINARY to the program"
            )
        path = binary()
        # Python ignores these, and what is ignored would stay ignored in the command of `lastbeat exec`.
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(ignored, signal.SIG_DFL)
        changed = {**environment, _BECAME: str(os.getpid())}
        os.execve(path, ["lastbeat", *arguments], changed)  # noqa: S606 - it is this program
    except BinaryMissing as error:
        failure = error
    except OSError as error:
        failure = OSError(f"{path} cannot be executed: {error.strerror}")
    sys.stderr.write(f"lastbeat: {failure}\n")
    sys.exit(AGENT_ERROR)
