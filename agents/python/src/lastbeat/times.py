"""Times. An instant and a span are whole milliseconds; an instant counts on the agent's own clock."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import NewType, Optional

Instant = NewType("Instant", int)
Span = NewType("Span", int)


def seconds(count: float) -> Span:
    """A span of that many seconds, to the nearest millisecond: 1.001 x 1000 is not quite 1001 in binary."""
    return Span(math.floor(count * 1000 + 0.5))


def after(start: Instant, span: Span) -> Instant:
    return Instant(start + span)


def before(end: Instant, span: Span) -> Instant:
    return Instant(end - span)


def soonest(*times: Optional[Instant]) -> Optional[Instant]:
    """The earliest of these instants. An absent one never comes."""
    return min((at for at in times if at is not None), default=None)


@dataclass(frozen=True)
class Pace:
    """The times that follow from a lease. 3 x interval + grace + margin never exceeds the lease."""

    interval: Span
    timeout: Span
    grace: Span
    margin: Span


def pace_of(lease: Span) -> Pace:
    """The times of docs/protocol.md for a lease.

    Interval: a quarter of the lease, so that two beats in a row may fail, and 300 s at most, because a cancellation
    comes with a reply. Timeout: how long a beat waits for its answer. Grace: what the work gets between TERM and KILL.
    Margin: what is between KILL and the end of the lease, for the clocks of the service and the time that a kill takes.
    """
    return Pace(
        interval=Span(min(300_000, lease // 4)),
        timeout=Span(min(30_000, lease // 4)),
        grace=Span(min(20_000, lease // 6)),
        margin=Span(min(5_000, lease // 12)),
    )


_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,19}))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)


def parse_instant(text: Optional[str]) -> Optional[int]:
    """Milliseconds since the Unix epoch of an RFC 3339 text; None if it is no such text."""
    found = _RFC3339.fullmatch(text or "")
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    try:
        at = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=timezone.utc)
    except ValueError:
        return None
    offset = 0 if sign is None else (int(hours) * 60 + int(minutes)) * (1 if sign == "+" else -1)
    return (int(at.timestamp()) - offset * 60) * 1000 + int(((fraction or "") + "000")[:3])


def format_instant(at: int) -> str:
    """Milliseconds since the Unix epoch as RFC 3339 in UTC."""
    whole, rest = divmod(at, 1000)
    return datetime.fromtimestamp(whole, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:03}Z"
