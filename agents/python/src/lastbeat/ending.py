"""What the end of a block means."""

from __future__ import annotations

import signal
import traceback
from typing import Callable, NamedTuple, Optional, Tuple

from .driver import CANCELLED, Left
from .errors import Ended, LastbeatError, NoAnswer, NotOurs, NotReported, NotStarted, Overran, Stop, Superseded
from .heart.stopping import AGENT_ERROR
from .heart.words import ChildEnd
from .wire import MESSAGE_BYTES, cut_start

_TERM = ChildEnd(status=128 + signal.SIGTERM, signal="SIGTERM")
_INT = ChildEnd(status=128 + signal.SIGINT, signal="SIGINT")

# The status of a program that ends by an exception. It is in no report, because no process has ended.
_FAILED = 1

# An exit code has one byte.
_CODES = 0xFF

_CANCELLED = ChildEnd(status=128 + signal.SIGTERM, signal=CANCELLED)


class Ending(NamedTuple):
    """How the work ended, for the heart: as a command would have. `signal` is one that it has to hear of first."""

    end: ChildEnd
    message: Optional[str] = None
    signal: Optional[Tuple[str, int]] = None


def ending_of(error: Optional[BaseException], *, was_told: bool) -> Ending:
    """What a block means that ended with this exception, or without one."""
    if error is None:
        return _exited(0)
    if isinstance(error, Stop):
        return Ending(_TERM)
    if isinstance(error, KeyboardInterrupt):
        return Ending(_TERM) if was_told else Ending(_INT, signal=("SIGINT", signal.SIGINT))
    if isinstance(error, GeneratorExit):  # a generator was closed, or a task canceled, by the program itself
        return Ending(_TERM) if was_told else Ending(_CANCELLED, signal=(CANCELLED, signal.SIGTERM))
    if isinstance(error, SystemExit):
        code = error.code
        if code is None or isinstance(code, int):
            return _exited((code or 0) & _CODES)
        return _exited(1, _said(lambda: str(code), type(code)))  # Python prints it, and leaves with 1
    return Ending(ChildEnd(status=_FAILED), _last_lines(error))


def ending_before_start(error: Optional[BaseException]) -> Ending:
    """What it means that the wait for the start ended with this exception: whatever it is, nothing was done."""
    if isinstance(error, KeyboardInterrupt):
        return ending_of(error, was_told=False)
    return Ending(_TERM, signal=("SIGTERM", signal.SIGTERM))


def is_success(error: Optional[BaseException]) -> bool:
    """Whether a block that ended so claims to have succeeded."""
    return error is None or (isinstance(error, SystemExit) and ending_of(error, was_told=False).end.exit_code == 0)


def _exited(code: int, message: Optional[str] = None) -> Ending:
    return Ending(ChildEnd(status=code, exit_code=code), None if message is None else _sendable(message))


def _last_lines(error: BaseException) -> str:
    lines = _said(lambda: "".join(traceback.format_exception(type(error), error, error.__traceback__)), type(error))
    return _sendable(lines.strip())


def _said(tell: Callable[[], str], kind: type) -> str:
    """What an object of the user's says of itself. The end is reported also if it raises instead, whatever that is."""
    try:
        return tell()
    except BaseException:
        return kind.__name__


def _sendable(text: str) -> str:
    """The end of a text, without the halves of characters that no JSON of the service may have."""
    return cut_start(text.encode("utf-8", "replace").decode(), MESSAGE_BYTES)


_REFUSALS = {"superseded": Superseded, "held-by-another": NotOurs, "ended": Ended, "overran": Overran}

# 128 + the number of a signal.
_LEAST_CODE_OF_SIGNAL = 129


def refusal_of(left: Left) -> BaseException:
    """What to raise when a heart has left before the work has started."""
    why = left.why or (left.report.reason if left.report is not None else None) or "nobody says why"
    if left.code >= _LEAST_CODE_OF_SIGNAL:
        return Stop(left.code, why)
    if left.why is None:
        return NotStarted(why)  # the run was stopped, or its host drained, while the attempt was claimed
    kind = NotStarted if left.problem is None else _REFUSALS.get(left.problem, NotStarted)
    return NoAnswer(why) if left.problem is None and left.code == AGENT_ERROR else kind(why)


def error_of(left: Left) -> LastbeatError:
    """What to raise when a heart has left after a success that does not count, or that nobody has answered."""
    if left.why is None:
        return Superseded("the success does not count: the attempt had to stop before it came")
    if left.report is None or left.problem in ("superseded", "ended"):
        return _REFUSALS.get(left.problem or "superseded", Superseded)(left.why)
    return NotReported(f"{left.why}; the report stays on disk, and the next agent on this machine delivers it")
