"""The message that tells a consumer to start the next attempt."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Dict, Mapping, Optional

from .errors import NotLastbeats
from .ticket import parse_credential
from .times import parse_instant

_TYPE = "lastbeat.run.requeue.v1"


@dataclass(frozen=True)
class Requeue:
    """A requeue message (docs/protocol.md). Fields that are not known here are in `event`.

    Labels, and what `previous` says of the holder, are strangers' texts: quote them before a shell sees them.
    """

    id: str
    """The same in each copy of the message."""
    run: str
    cause: str
    """Why there is a next attempt; `first` if there was none before."""
    attempt: int
    fence: int
    ticket: str = field(repr=False)
    """Claims the attempt. Keep it out of command lines and logs."""
    start_by: datetime
    """The attempt has to be claimed before."""
    capacity: str = "any"
    """`on-demand` when few interruptions are left; else `any`."""
    held: bool = False
    """The predecessor still drains: the claim waits until it is gone."""
    is_last: bool = False
    """No budget allows another attempt."""
    out_of_memory: bool = False
    """The attempt before ran out of memory: give this one more."""
    memory_limit_bytes: Optional[int] = None
    """The limit that the attempt before ran into."""
    labels: Mapping[str, str] = field(default_factory=dict)
    previous: Optional[Mapping[str, object]] = None
    """The attempt before: its number, its fence, its holder, the evidence for its end."""
    event: Mapping[str, object] = field(default_factory=dict, repr=False)
    """The whole message."""

    @classmethod
    def parse(cls, body: str) -> Requeue:
        """Reads the body of a message. Raises NotLastbeats, which says what is wrong, and never what the ticket is."""
        event = _object(_parsed(body), "the message")
        if event.get("type") != _TYPE:
            raise NotLastbeats(f"the message is not of the type {_TYPE}")
        data = _object(event.get("data"), "data")
        after = _object(data.get("next"), "data.next")
        ticket = _text(after.get("ticket"), "data.next.ticket")
        claims = parse_credential(ticket)
        if claims is None or claims.run != data.get("run"):
            raise NotLastbeats("data.next.ticket is no ticket of data.run")
        start_by = _instant(_text(after.get("startBy"), "data.next.startBy"))
        labels, previous = data.get("labels"), data.get("previous")
        before: Dict[str, object] = previous if isinstance(previous, dict) else {}
        limit = before.get("memoryLimitBytes")
        return cls(
            id=_text(event.get("id"), "id"),
            run=claims.run,
            cause=str(data.get("cause", "")),
            attempt=claims.attempt,
            fence=claims.fence,
            ticket=ticket,
            start_by=start_by,
            capacity=str(after.get("capacity", "any")),
            held=after.get("held") is True,
            is_last=after.get("isLast") is True,
            out_of_memory=before.get("outOfMemory") is True,
            memory_limit_bytes=limit if isinstance(limit, int) else None,
            labels={str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {},
            previous=previous if isinstance(previous, dict) else None,
            event=event,
        )


def _parsed(body: str) -> object:
    try:
        return json.loads(body)
    except (TypeError, ValueError, RecursionError):
        raise NotLastbeats("the message is not JSON") from None


def _instant(text: str) -> datetime:
    at = parse_instant(text)
    try:
        if at is not None:
            return datetime.fromtimestamp(at / 1000, timezone.utc)
    except (OverflowError, ValueError):  # by its offset it is after the year 9999, or before the year 1
        pass
    raise NotLastbeats("data.next.startBy is no instant")


def _object(value: object, name: str) -> Dict[str, object]:
    if not isinstance(value, dict):
        raise NotLastbeats(f"{name} is no object (docs/protocol.md, the requeue message)")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise NotLastbeats(f"{name} is no text (docs/protocol.md, the requeue message)")
    return value
