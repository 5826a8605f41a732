"""What an agent says about each thing that it does to the work. The lines are part of the vectors."""

from __future__ import annotations

from typing import Optional, Sequence

from ..times import Instant
from .state import Stop
from .words import ChildEnd

_CAUSES = {
    "drain": "the attempt is asked to leave ({reason})",
    "stalled": "there was no progress in time",
    "stop": "the run is stopped ({reason})",
    "superseded": "the attempt is over ({reason})",
    "overran": "the deadline of the attempt or of the run is over",
    "self-fenced": "no beat was acknowledged in time, and another attempt may start soon",
}


def said_of_stop(stop: Stop, signals: Sequence[str], now: Instant) -> str:
    """The work has to stop, for this reason, by these signals."""
    left = f"{-((now - stop.kill_at) // 1000)} s"  # rounded up
    if "SIGKILL" in signals:
        then = "SIGKILL to the command"
    elif "SIGTERM" in signals:
        then = f"SIGTERM to the command, and SIGKILL in {left} if it is still there"
    elif stop.is_killed:
        then = "the command was killed already"
    else:
        then = f"SIGKILL to the command in {left} if it is still there"
    cause = _CAUSES[stop.why].replace("{reason}", stop.reason)
    return f"{cause}: {then}"


KILLED_IN_TIME = "the command has not left in time: SIGKILL to it"

SAID_OF_REBALANCE = "a rebalance of this instance is recommended: the service is told, the command works on"


def said_of_signal(signal: str, on_interrupt: Optional[str]) -> str:
    then = "the attempt counts as interrupted, and the run is started again"
    if signal == "SIGINT" and on_interrupt == "cancel":
        then = "the run is canceled"
    return f"{signal} came and is passed on: if the command dies of it, {then}"


def said_of_end(end: ChildEnd, reason: Optional[str]) -> Optional[str]:
    """What the exit code does not tell of an end; None if that tells all."""
    if end.message is not None:
        return f"the command could not be started: {end.message}"
    if end.out_of_memory is None or reason != "out-of-memory":
        return None
    limit = end.out_of_memory.limit_bytes
    where = "the host had no memory left" if limit is None else f"its limit is {(limit + (1 << 19)) >> 20} MiB"
    return f"a process of the command was killed because it ran out of memory: {where}"


def said_of_nobody(detail: str) -> str:
    return f"no front door has answered until the attempt had to start: {detail}"
