"""The heart decides what an agent does. It is pure: time and dice are arguments, and what it wants done it returns.

The reference is lib/agent of the repository, which its simulator runs. The vectors in agents/vectors hold this package
to it, step by step.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from ..answer import Answer, Ok, Problem, Unclear
from ..times import Instant, Span, after, pace_of
from ..wire import ClaimBody
from .beating import beating, next_beat, wake_beating_at
from .state import ENDING, Beating, Claiming, Heart, Reporting, Step, leave, reporting
from .stopping import AGENT_ERROR, PREEMPTED, SUPERSEDED, ended_by, interrupted
from .voice import said_of_nobody
from .words import Claim, Claimed, Finish, Input, Own, Reported, Signaled, Start, Wake

# Between two claims or reports that failed: from 1 s, doubled, up to 10 s.
_LONGEST_RETRY = 10_000
# Between two claims that are held at the gate.
_HOLD = 1_000
# So much of a wait is left to chance: agents that were cut off together do not come back together.
_RETRY_JITTER = 0.5

# Problems of the way to the service. A better deploy may repair that, so the report is not given up.
_ABOUT_THE_REQUEST = frozenset(("unauthorized", "wrong-run", "not-found", "foreign-origin", "method-not-allowed"))


def _retry(tries: int, roll: float, asked: Optional[Span]) -> Span:
    """The larger of our own wait and of what the server asks for."""
    longest = min(_LONGEST_RETRY, 1_000 * 2 ** min(tries, 10))
    return Span(max(int(longest * (1 - _RETRY_JITTER * roll)), asked or 0))


def new_heart(lease: Span, now: Instant, own: Optional[Own] = None) -> Heart:
    """A heart that has not claimed yet. The ticket names the lease."""
    return Claiming(lease=lease, own=own or Own(), tries=0, ask_at=now)


def request_timeout(lease: Span) -> Span:
    """How long an answer is waited for. A later answer is dropped."""
    return pace_of(lease).timeout


def wake_at(heart: Heart) -> Optional[Instant]:
    """When the heart wants to be woken; None if only an answer or the work can move it."""
    if isinstance(heart, Claiming):
        return heart.ask_at
    if isinstance(heart, Beating):
        return wake_beating_at(heart)
    return heart.report_at if isinstance(heart, Reporting) else None


def step(heart: Heart, given: Input, now: Instant, roll: float) -> Step:
    """The whole behaviour of an agent. `now` is its monotonic clock, and `roll` in [0, 1) its dice."""
    if isinstance(heart, Claiming):
        return _claiming(heart, given, now, roll)
    if isinstance(heart, Beating):
        return beating(heart, given, now, roll)
    return _reporting(heart, given, now, roll) if isinstance(heart, Reporting) else (heart, [])


def _claiming(heart: Claiming, given: Input, now: Instant, roll: float) -> Step:
    if isinstance(given, Wake):
        if heart.ask_at is None or heart.ask_at > now:
            return heart, []
        return replace(heart, ask_at=None), [Claim()]
    if isinstance(given, Signaled) and given.signal in ENDING:
        if heart.ask_at is not None:
            return leave(128 + given.number, f"{given.signal} before the attempt was claimed")
        return replace(heart, leaving=given), []
    if isinstance(given, Claimed):
        return _claim_answered(heart, given.sent_at, given.answer, now, roll)
    return heart, []


def _claim_answered(heart: Claiming, sent_at: Instant, given: Answer[ClaimBody], now: Instant, roll: float) -> Step:
    # Our process was suspended, or the network was slow. The lease that was granted then may be over.
    is_late = after(sent_at, request_timeout(heart.lease)) < now
    answer: Answer[ClaimBody] = Unclear("granted too late") if isinstance(given, Ok) and is_late else given
    if isinstance(answer, Ok):
        return _granted(heart, sent_at, answer.body, now, roll)
    if heart.leaving is not None:
        return leave(128 + heart.leaving.number, f"{heart.leaving.signal} before the attempt was claimed")
    if isinstance(answer, Unclear) or is_late:
        if heart.own.start_by is not None and heart.own.start_by <= now:
            return leave(AGENT_ERROR, said_of_nobody(answer.detail))
        ask_at = after(now, _retry(heart.tries, roll, answer.retry_after))
        return replace(heart, tries=heart.tries + 1, ask_at=ask_at), []
    if answer.name == "hold":
        return replace(heart, tries=0, ask_at=after(now, Span(max(_HOLD, answer.retry_after or 0)))), []
    if answer.name in ("superseded", "held-by-another", "ended", "overran"):
        return leave(SUPERSEDED, f"not started: {answer.name}" + (f", {answer.detail}" if answer.detail else ""))
    return leave(AGENT_ERROR, f"the claim was refused: {answer.name}, {answer.detail}")


def _granted(heart: Claiming, sent_at: Instant, body: ClaimBody, now: Instant, roll: float) -> Step:
    if heart.leaving is not None:
        what = ended_by(heart.leaving.signal, heart.own.on_interrupt)
        return reporting(body.token, what, 128 + heart.leaving.number, now)
    if body.directive == "stop":
        return reporting(body.token, interrupted("stopped before the start"), SUPERSEDED, now)
    if body.directive == "drain":
        return reporting(body.token, interrupted("drained before the start"), PREEMPTED, now)
    started = Beating(
        lease=heart.lease,
        own=heart.own,
        token=body.token,
        beat_at=next_beat(sent_at, heart.lease, body.next_beat_seconds, roll),
        fence_from=None if body.on_cut_off == "continue" else sent_at,
        progressed_at=now,
    )
    return started, [Start(body.attempt, body.fence)]


def _hurried(heart: Reporting, now: Instant) -> Step:
    """Somebody wants the agent gone: one more try at once, and the next signal ends it. The report stays on disk."""
    if heart.until <= now:
        return leave(_or(heart.code_if_late, AGENT_ERROR), "told to end before the end was reported")
    last = replace(heart, until=now, report_at=None)
    return last, [] if heart.report_at is None else [Finish(heart.token, heart.report)]


def is_definite(answer: Answer[object]) -> bool:
    """Whether an answer to a report is about the attempt, so that the report need not be sent again."""
    return isinstance(answer, Ok) or (isinstance(answer, Problem) and answer.name not in _ABOUT_THE_REQUEST)


def _reporting(heart: Reporting, given: Input, now: Instant, roll: float) -> Step:
    if isinstance(given, Wake) and heart.report_at is not None and heart.report_at <= now:
        return replace(heart, report_at=None), [Finish(heart.token, heart.report)]
    if isinstance(given, Signaled) and given.signal in ENDING:
        return _hurried(heart, now)
    if not isinstance(given, Reported):
        return heart, []
    answer = given.answer
    if isinstance(answer, Ok):
        counts = answer.body.outcome == "succeeded" and heart.report.outcome == "succeeded"
        return leave(0 if counts else heart.code)
    if isinstance(answer, Unclear) or not is_definite(answer):
        if now >= heart.until:
            return leave(_or(heart.code_if_late, AGENT_ERROR), f"the end could not be reported: {answer.detail}")
        report_at = after(now, _retry(heart.tries, roll, answer.retry_after))
        return replace(heart, tries=heart.tries + 1, report_at=report_at), []
    if answer.name in ("superseded", "ended"):
        return leave(_or(heart.code_if_late, SUPERSEDED), f"the end came too late: {answer.name}")
    return leave(AGENT_ERROR, f"the end was refused: {answer.name}, {answer.detail}")


def _or(code: Optional[int], other: int) -> int:
    return other if code is None else code
