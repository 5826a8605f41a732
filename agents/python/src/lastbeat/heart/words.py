"""What the heart hears, and what it wants done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Union

from ..answer import Answer
from ..times import Instant, Span
from ..wire import BeatBody, ClaimBody, FinishBody, Progress, Report


@dataclass(frozen=True)
class Wake:
    """The time has come that the heart has named, or somebody only looks."""


@dataclass(frozen=True)
class Claimed:
    """The answer to a claim. `sent_at`: when the request went out."""

    sent_at: Instant
    answer: Answer[ClaimBody]


@dataclass(frozen=True)
class Beaten:
    """The answer to a beat. `wall_at`: the wall clock now, against which deadlines are read."""

    sent_at: Instant
    answer: Answer[BeatBody]
    wall_at: Optional[int] = None


@dataclass(frozen=True)
class Reported:
    """The answer to a report."""

    answer: Answer[FinishBody]


@dataclass(frozen=True)
class Signaled:
    """A signal came for the work."""

    signal: str
    number: int


@dataclass(frozen=True)
class Progressed:
    """The work made progress. `progress` is absent if it says nothing that can be sent."""

    progress: Optional[Progress] = None


@dataclass(frozen=True)
class Noticed:
    """The metadata of the instance announce a reclaim ("spot") or advise to leave ("rebalance"). Texts are RFC 3339."""

    notice: str
    at: Optional[str] = None
    deadline: Optional[str] = None
    wall_at: Optional[int] = None


@dataclass(frozen=True)
class OutOfMemory:
    """The kernel has killed a process of the work. The limit is absent if the host itself had no memory left."""

    limit_bytes: Optional[int] = None


@dataclass(frozen=True)
class ChildEnd:
    """How the work ended. `status` is 128 + the signal's number, or the exit code."""

    status: int
    exit_code: Optional[int] = None
    signal: Optional[str] = None
    message: Optional[str] = None
    """Why it could not be started."""
    out_of_memory: Optional[OutOfMemory] = None


@dataclass(frozen=True)
class Exited:
    """The work is over."""

    end: ChildEnd


Input = Union[Wake, Claimed, Beaten, Reported, Signaled, Progressed, Noticed, Exited]


@dataclass(frozen=True)
class Claim:
    """Claim the attempt."""


@dataclass(frozen=True)
class Start:
    """Start the work."""

    attempt: int
    fence: int


@dataclass(frozen=True)
class Beat:
    """Say that the attempt is alive."""

    token: str
    progress: Optional[Progress] = None


@dataclass(frozen=True)
class Signal:
    """Pass this signal on to the work. SIGTERM asks it to leave, SIGKILL ends it."""

    signal: str


@dataclass(frozen=True)
class Notice:
    """Tell the service what this runner was told. It is sent once and not waited for."""

    token: str
    kind: str
    at: Optional[str] = None
    deadline: Optional[str] = None


@dataclass(frozen=True)
class Finish:
    """Report the end."""

    token: str
    report: Report


@dataclass(frozen=True)
class Say:
    """A line for people."""

    line: str


@dataclass(frozen=True)
class Exit:
    """The heart is done. `code` is the exit code of an agent that runs a command."""

    code: int
    why: Optional[str] = None


Action = Union[Claim, Start, Beat, Signal, Notice, Finish, Say, Exit]


@dataclass(frozen=True)
class Own:
    """What the user chose for this attempt."""

    drain: Optional[Span] = None
    """How long the work may drain if nobody names a deadline."""
    stall: Optional[Span] = None
    """How long the work may make no progress."""
    start_by: Optional[Instant] = None
    """After this instant a front door that does not answer is not asked again."""
    report_for: Optional[Span] = None
    """How long the report of an attempt that was cut off is repeated."""
    on_interrupt: Optional[str] = None
    """"cancel": the run is canceled if the work ends by SIGINT. Without it the run is started again."""
