"""How work is stopped, and what its end means."""

from __future__ import annotations

from dataclasses import replace
from typing import List, NamedTuple, Optional, Sequence, Tuple

from ..times import Instant, Span, after, before, pace_of, parse_instant
from ..wire import Report
from .state import Stop
from .words import ChildEnd, Signaled

# The exit codes of an agent that does not leave with the code of its work.
SELF_FENCED = 80
SUPERSEDED = 81
PREEMPTED = 82
AGENT_ERROR = 125

# A reason that says that the attempt is over outranks one that asks the work to leave.
_RANK = {"drain": 1, "stalled": 1, "stop": 2, "superseded": 3, "overran": 3, "self-fenced": 3}

# The 120 s of a spot notice, less the 30 s that a beat may take to bring it.
DRAIN = Span(90_000)


def raised(stop: Optional[Stop], then: Stop, now: Instant) -> Tuple[Stop, Sequence[str]]:
    """The stop with one more reason, and the signals that follow.

    The earlier kill time wins, so that no later reason lengthens the life of the work. TERM is sent once. If the time
    to kill has passed already, as after a suspend, KILL is sent instead.
    """
    if stop is None:
        is_killed = then.kill_at <= now
        return replace(then, is_killed=is_killed), ["SIGKILL" if is_killed else "SIGTERM"]
    higher = then if _RANK[then.why] > _RANK[stop.why] else stop
    kill_at = min(then.kill_at, stop.kill_at)
    is_killed = stop.is_killed or kill_at <= now
    signals = ["SIGKILL"] if is_killed and not stop.is_killed else []
    return Stop(higher.why, higher.reason, kill_at, is_killed), signals


def after_grace(lease: Span, now: Instant) -> Instant:
    """When work that is told now to leave is killed."""
    return after(now, pace_of(lease).grace)


def drained_at(deadline: Optional[str], lease: Span, drain: Span, now: Instant, wall: int) -> Instant:
    """When draining work is killed: a margin before its deadline, or after the drain if it has none.

    The deadline is by the wall clock. That clock counts only here, for the time that is left.
    """
    at = parse_instant(deadline)
    if at is None:
        return after(now, drain)
    asked = before(after(now, Span(at - wall)), pace_of(lease).margin)
    # The deadline is near or past, or by another clock. The lease is held, so the work gets its TERM and its grace.
    return max(asked, after_grace(lease, now))


class SelfFence(NamedTuple):
    """The agent's own deadline. Nobody else claims before the lease is over."""

    term_at: Instant
    kill_at: Instant


def self_fence_at(start: Instant, lease: Span) -> SelfFence:
    """Counted from when the newest acknowledged request was sent."""
    pace = pace_of(lease)
    kill_at = before(after(start, lease), pace.margin)
    return SelfFence(before(kill_at, pace.grace), kill_at)


class End(NamedTuple):
    """The result of an end: a report, unless nobody wants one, and the exit codes."""

    report: Optional[Report]
    code: int
    code_if_late: Optional[int] = None


def end_of(
    end: ChildEnd, forwarded: Sequence[Signaled], stop: Optional[Stop], on_interrupt: Optional[str] = None
) -> End:
    """An attempt that is over or unwanted is not reported, unless it has succeeded: a success may still count."""
    if stop is None:
        succeeded = end.exit_code == 0
        if succeeded:
            return End(Report("succeeded", exit_code=0), 0)
        return End(_report_of(end, forwarded, on_interrupt), end.status)
    fenced = SELF_FENCED if stop.why == "self-fenced" else None
    if end.exit_code == 0:
        return End(Report("succeeded", exit_code=0), _code_of_success(stop.why), fenced)
    if stop.why == "superseded":
        return End(None, SUPERSEDED)
    if stop.why == "stop":
        return End(interrupted(stop.reason), SUPERSEDED)
    if stop.why == "self-fenced":
        return End(interrupted(stop.reason), SELF_FENCED, SELF_FENCED)
    if stop.why == "drain" and _is_by_us(end):
        return End(_with_facts(interrupted(stop.reason), end), PREEMPTED)
    if stop.why == "drain":
        return End(_report_of(end, forwarded, on_interrupt), end.status)
    if stop.why == "stalled":
        return End(_with_facts(Report("failed", stop.reason), end), end.status)
    return End(_report_of(end, forwarded, on_interrupt, stop.reason), end.status)  # overran


def _code_of_success(why: str) -> int:
    """The exit code of work that succeeded although it had to stop. It is used if the success does not count."""
    if why == "self-fenced":
        return SELF_FENCED
    return SUPERSEDED if why in ("superseded", "stop") else 0


def interrupted(reason: str) -> Report:
    return Report("interrupted", reason)


def _is_by_us(end: ChildEnd) -> bool:
    """Whether the work ended by our TERM or KILL, or with the exit codes that shells give for them."""
    return end.signal in ("SIGTERM", "SIGKILL") or end.exit_code in (143, 137)


def _with_facts(report: Report, end: ChildEnd) -> Report:
    return replace(report, exit_code=end.exit_code, signal=end.signal, message=end.message)


def ended_by(signal: str, on_interrupt: Optional[str]) -> Report:
    """The run is started again, unless its user has pressed Ctrl-C and wants it canceled then."""
    if signal == "SIGINT" and on_interrupt == "cancel":
        return Report("canceled", "sigint")
    return interrupted(signal.lower())


def _report_of(
    end: ChildEnd, forwarded: Sequence[Signaled], on_interrupt: Optional[str], reason: Optional[str] = None
) -> Report:
    """What an end means that is no success.

    Death by a signal that was passed on, or an exit with the code that shells give for it, is an interruption.
    Everything else is the failure of the work itself. What the kernel or the start says of it comes before the code.
    """
    by: List[Signaled] = [one for one in forwarded if one.signal == end.signal or end.exit_code == 128 + one.number]
    if by:
        return _with_facts(ended_by(by[0].signal, on_interrupt), end)
    if end.out_of_memory is not None:
        what = _with_facts(Report("failed", "out-of-memory"), end)
        return replace(what, memory_limit_bytes=end.out_of_memory.limit_bytes)
    if end.message is not None:
        return _with_facts(Report("failed", "unstartable"), end)
    return _with_facts(Report("failed", reason), end)
