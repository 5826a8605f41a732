"""What goes over the wire between a runner and a front door (docs/protocol.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Dict, Optional, Union

Number = Union[int, float]


@dataclass(frozen=True)
class Progress:
    """What the work says about how far it is."""

    value: Number
    of: Optional[Number] = None
    note: Optional[str] = None

    def to_wire(self) -> Dict[str, object]:
        return _present(value=self.value, of=self.of, note=self.note)


@dataclass(frozen=True)
class Report:
    """The end of an attempt. `outcome` is succeeded, failed, interrupted or canceled."""

    outcome: str
    reason: Optional[str] = None
    exit_code: Optional[int] = None
    signal: Optional[str] = None
    message: Optional[str] = None
    memory_limit_bytes: Optional[int] = None
    """The limit that the work ran into, with the reason out-of-memory."""

    def to_wire(self) -> Dict[str, object]:
        return _present(
            outcome=self.outcome,
            reason=self.reason,
            exitCode=self.exit_code,
            signal=self.signal,
            message=self.message,
            memoryLimitBytes=self.memory_limit_bytes,
        )


def _present(**fields: object) -> Dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class ClaimBody:
    """The reply to a claim. `next_beat_seconds` counts from when the claim was sent."""

    attempt: int
    fence: int
    token: str
    next_beat_seconds: float
    directive: str
    on_cut_off: Optional[str] = None
    beat_url: Optional[str] = None


@dataclass(frozen=True)
class BeatBody:
    """The reply to a beat. `deadline` is RFC 3339."""

    directive: str
    next_beat_seconds: float
    reason: Optional[str] = None
    deadline: Optional[str] = None
    token: Optional[str] = None


@dataclass(frozen=True)
class FinishBody:
    """The reply to a report: the state of the run, and its outcome if it has ended."""

    state: str
    outcome: Optional[str] = None


# DynamoDB's numbers have magnitudes from 1E-130 to 9.99E+125, or are 0 ("Naming rules and data types").
LEAST_MAGNITUDE = 1e-130
MOST_MAGNITUDE = 1e125

# What the service stores of a note or a reason, in bytes of JSON (lib/wire/bounds.ts).
TEXT_BYTES = 128

# What the service stores of a message, in bytes of JSON (lib/wire/schemas.ts).
MESSAGE_BYTES = 4096


def is_storable(value: Number) -> bool:
    """Whether a progress value is 0 or a number that the service can store. NaN and infinity are not."""
    return value == 0 or LEAST_MAGNITUDE <= abs(value) <= MOST_MAGNITUDE


def _size(character: str) -> int:
    """Bytes of one character in JSON, as the service counts them: UTF-8, with escapes for control characters."""
    quoted = json.dumps(character, ensure_ascii=False)
    return len(quoted.encode("utf-8", "backslashreplace")) - len('""')


def cut(text: str, most: int) -> str:
    """The longest beginning of the text, in whole characters, that takes at most `most` bytes in JSON."""
    left = most
    for index, character in enumerate(text):
        left -= _size(character)
        if left < 0:
            return text[:index]
    return text


def cut_start(text: str, most: int) -> str:
    """The longest end of the text that takes at most `most` bytes in JSON: of a traceback the last lines count."""
    left = most
    for index in range(len(text) - 1, -1, -1):
        left -= _size(text[index])
        if left < 0:
            return text[index + 1 :]
    return text
