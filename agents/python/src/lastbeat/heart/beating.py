"""An attempt whose work is under way: beats go out, and the work is told what their answers bring."""

from __future__ import annotations

from dataclasses import replace
from typing import List, NamedTuple, Optional, Sequence

from ..answer import Ok, Unclear
from ..times import Instant, Span, after, pace_of, seconds, soonest
from .state import ENDING, Beating, Step, Stop, leave, reporting
from .stopping import DRAIN, after_grace, drained_at, end_of, raised, self_fence_at
from .voice import KILLED_IN_TIME, SAID_OF_REBALANCE, said_of_end, said_of_signal, said_of_stop
from .words import (
    Action,
    Beat,
    Beaten,
    ChildEnd,
    Exited,
    Input,
    Notice,
    Noticed,
    Progressed,
    Say,
    Signal,
    Signaled,
    Wake,
)

# After a failed beat the next one comes soon enough that several fit into a lease.
_AFTER_A_FAILED_BEAT = Span(5_000)
# Jitter only shortens the interval, so it never costs a lease its third beat.
_JITTER = 0.1
# Seconds. A server that asks for less is broken, and so is one that asks for more than a quarter of the lease.
_SHORTEST_INTERVAL = 0.05


class _Next(NamedTuple):
    heart: Beating
    actions: Sequence[Action]


def wake_beating_at(heart: Beating) -> Optional[Instant]:
    """When an attempt with work wants to be woken."""
    kill_at = heart.stop.kill_at if heart.stop is not None and not heart.stop.is_killed else None
    return soonest(heart.beat_at, kill_at, _term_at(heart), _stalled_at(heart))


def beating(heart: Beating, given: Input, now: Instant, roll: float) -> Step:
    if isinstance(given, Wake):
        return _beat_or_kill(heart, now)
    if isinstance(given, Beaten):
        return _beat_answered(replace(heart, beat_at=_next_beat_after(given, heart, now, roll)), given, now)
    if isinstance(given, Signaled):
        return _pass_on(heart, given)
    if isinstance(given, Progressed):
        return replace(heart, progressed_at=now, progress=given.progress or heart.progress), []
    if isinstance(given, Noticed):
        return _noticed(heart, given, now)
    if isinstance(given, Exited):
        return _work_gone(heart, given.end, now)
    return heart, []


def _term_at(heart: Beating) -> Optional[Instant]:
    """When the work is told to stop because no request was acknowledged in time."""
    if heart.fence_from is None or (heart.stop is not None and heart.stop.is_killed):
        return None
    return self_fence_at(heart.fence_from, heart.lease).term_at


def _stalled_at(heart: Beating) -> Optional[Instant]:
    """When the work has made no progress for too long. Work that is leaving need not make any."""
    if heart.own.stall is None or heart.stop is not None:
        return None
    return after(heart.progressed_at, heart.own.stall)


def _beat_or_kill(heart: Beating, now: Instant) -> Step:
    heart, actions = _stop_in_time(heart, now)
    if heart.beat_at is None or heart.beat_at > now:
        return heart, actions
    sent = replace(heart, beat_at=None, sent=heart.progress)
    return sent, [*actions, Beat(heart.token, heart.progress)]


def _stop_in_time(heart: Beating, now: Instant) -> _Next:
    """What is due by the clock alone: our own deadline, a stall, the end of a grace."""
    fenced, stalled, stop = _term_at(heart), _stalled_at(heart), heart.stop
    if heart.fence_from is not None and fenced is not None and fenced <= now:
        kill_at = self_fence_at(heart.fence_from, heart.lease).kill_at
        return _stop_work(replace(heart, fence_from=None), Stop("self-fenced", "self-fenced", kill_at), now)
    if stalled is not None and stalled <= now:
        return _stop_work(heart, Stop("stalled", "stalled", after_grace(heart.lease, now)), now)
    if stop is None or stop.is_killed or stop.kill_at > now:
        return _Next(heart, [])
    killed = replace(heart, stop=replace(stop, is_killed=True))
    return _Next(killed, [Say(KILLED_IN_TIME), Signal("SIGKILL")])


def _pass_on(heart: Beating, given: Signaled) -> Step:
    """The work gets every signal. The service hears of a TERM, too: often it is all that a host says before it goes."""
    passed = replace(heart, forwarded=(*heart.forwarded, given))
    actions: List[Action] = [Signal(given.signal)]
    if given.signal in ENDING:
        actions.insert(0, Say(said_of_signal(given.signal, heart.own.on_interrupt)))
    if given.signal != "SIGTERM" or "sigterm" in heart.told:
        return passed, actions
    return replace(passed, told=(*heart.told, "sigterm")), [*actions, Notice(heart.token, "sigterm")]


def _noticed(heart: Beating, given: Noticed, now: Instant) -> Step:
    """A spot notice is a drain already. Waiting for the directive would cost the work a quarter of its two minutes."""
    if given.notice in heart.told:
        return heart, []
    told = replace(heart, told=(*heart.told, given.notice))
    notice = Notice(heart.token, given.notice, given.at, given.deadline)
    if given.notice == "rebalance":
        return told, [Say(SAID_OF_REBALANCE), notice]
    drained, actions = _drain(told, "spot-interruption", given.deadline, now, given.wall_at)
    return drained, [*actions, notice]


def next_beat(sent_at: Instant, lease: Span, asked_seconds: float, roll: float) -> Instant:
    """When to beat next, counted from when the last request was sent."""
    interval = min(pace_of(lease).interval / 1000, max(_SHORTEST_INTERVAL, asked_seconds))
    return after(sent_at, seconds(interval * (1 - _JITTER * roll)))


def _next_beat_after(given: Beaten, heart: Beating, now: Instant, roll: float) -> Instant:
    if isinstance(given.answer, Ok):
        return next_beat(given.sent_at, heart.lease, given.answer.body.next_beat_seconds, roll)
    interval = pace_of(heart.lease).interval
    asked = min(interval, given.answer.retry_after or 0)  # a server that is busy does not cost the lease
    return after(now, Span(max(min(_AFTER_A_FAILED_BEAT, interval // 2), asked)))


def _beat_answered(heart: Beating, given: Beaten, now: Instant) -> Step:
    answer = given.answer
    if isinstance(answer, Unclear):
        return heart, []
    kill_at = after_grace(heart.lease, now)
    if isinstance(answer, Ok):
        body = answer.body
        renewed = replace(_delivered(heart), token=body.token or heart.token)
        if body.directive == "stop":  # a beat that is answered with stop has not renewed the lease
            return _stop_work(renewed, Stop("stop", body.reason or "stopped", kill_at), now)
        kept = replace(renewed, fence_from=_later(heart.fence_from, given.sent_at))
        if body.directive == "drain":
            return _drain(kept, body.reason or "drained", body.deadline, now, given.wall_at)
        return kept, []
    if answer.name in ("superseded", "ended"):
        return _stop_work(heart, Stop("superseded", answer.name, kill_at), now)
    if answer.name == "overran":
        return _stop_work(heart, Stop("overran", answer.name, kill_at), now)
    if answer.name in ("malformed", "invalid", "too-large"):
        # Progress that the service refuses must not cost the attempt its lease.
        return _delivered(heart), []
    return heart, []  # 401, 403 and the like are about the request, not about the attempt


def _later(start: Optional[Instant], sent_at: Instant) -> Optional[Instant]:
    """The own deadline counts from the newest acknowledged request, in whatever order the answers came."""
    return None if start is None else max(start, sent_at)


def _delivered(heart: Beating) -> Beating:
    """What the last beat carried is not sent again. What the work has said meanwhile is sent."""
    return replace(heart, progress=None if heart.progress is heart.sent else heart.progress, sent=None)


def _stop_work(heart: Beating, then: Stop, now: Instant) -> _Next:
    stop, signals = raised(heart.stop, then, now)
    is_news = len(signals) > 0 or heart.stop is None or stop.why != heart.stop.why
    lines: List[Action] = [Say(said_of_stop(stop, signals, now))] if is_news else []
    return _Next(replace(heart, stop=stop), [*lines, *(Signal(one) for one in signals)])


def _drain(heart: Beating, reason: str, deadline: Optional[str], now: Instant, wall: Optional[int]) -> _Next:
    """TERM comes at once. The beats go on until the work is gone, so that no other attempt starts before."""
    drain = DRAIN if heart.own.drain is None else heart.own.drain
    kill_at = drained_at(deadline, heart.lease, drain, now, now if wall is None else wall)
    return _stop_work(heart, Stop("drain", reason, kill_at), now)


def _work_gone(heart: Beating, end: ChildEnd, now: Instant) -> Step:
    what, code, code_if_late = end_of(end, heart.forwarded, heart.stop, heart.own.on_interrupt)
    if what is None:
        return leave(code, f"stopped: {heart.stop.reason if heart.stop is not None else ''}")
    is_fenced = heart.stop is not None and heart.stop.why == "self-fenced"
    if is_fenced and heart.own.report_for is not None:
        after_all, actions = reporting(heart.token, what, code, now, code_if_late, heart.own.report_for)
    else:
        after_all, actions = reporting(heart.token, what, code, now, code_if_late)
    said = said_of_end(end, what.reason)
    return after_all, actions if said is None else [Say(said), *actions]
