"""The state of a heart: one class for each phase of an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple, Union

from ..times import Instant, Span, after
from ..wire import Progress, Report
from .words import Action, Exit, Finish, Own, Signaled

# No verdict waits longer (lib/core/valve.ts): after that the attempt counts as lost anyway.
VALVE = Span(15 * 60_000)

# Signals that end a program that does not handle them: an attempt that has not started ends by them, too.
ENDING = frozenset(("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"))


@dataclass(frozen=True)
class Stop:
    """Work that has to stop: why, and when it is killed if it has not stopped."""

    why: str
    reason: str
    kill_at: Instant
    is_killed: bool = False


@dataclass(frozen=True)
class Claiming:
    """Nobody knows yet whether the attempt may start."""

    lease: Span
    own: Own
    tries: int
    ask_at: Optional[Instant]
    """When to ask again; absent while a request is out."""
    leaving: Optional[Signaled] = None
    """A signal that came while the claim was out. The work is not started any more."""

    phase = "claiming"


@dataclass(frozen=True)
class Beating:
    """The work is under way."""

    lease: Span
    own: Own
    token: str
    beat_at: Optional[Instant]
    """When to beat next; absent while a beat is out."""
    fence_from: Optional[Instant]
    """When the newest acknowledged request was sent; absent if the attempt has no deadline of its own any more."""
    progressed_at: Instant
    progress: Optional[Progress] = None
    """What no beat has brought to the service yet."""
    sent: Optional[Progress] = None
    """What the beat that is out carries."""
    told: Tuple[str, ...] = ()
    """The notices that the service was sent."""
    forwarded: Tuple[Signaled, ...] = ()
    """The signals that were passed on to the work, in order."""
    stop: Optional[Stop] = None

    phase = "beating"


@dataclass(frozen=True)
class Reporting:
    """The work is over, and its end is reported until it is answered."""

    token: str
    report: Report
    code: int
    code_if_late: Optional[int]
    """The code if the report comes too late or never, and the work was stopped for that very reason."""
    tries: int
    report_at: Optional[Instant]
    until: Instant

    phase = "reporting"


@dataclass(frozen=True)
class Gone:
    """Nothing is left to do."""

    phase = "gone"


Heart = Union[Claiming, Beating, Reporting, Gone]
Step = Tuple[Heart, Sequence[Action]]


def leave(code: int, why: Optional[str] = None) -> Step:
    return Gone(), [Exit(code, why)]


def reporting(
    token: str, what: Report, code: int, now: Instant, code_if_late: Optional[int] = None, report_for: Span = VALVE
) -> Step:
    """The end is there. From now on it is reported, for so long at most."""
    heart = Reporting(
        token=token,
        report=what,
        code=code,
        code_if_late=code_if_late,
        tries=0,
        report_at=None,
        until=after(now, report_for),
    )
    return heart, [Finish(token, what)]
