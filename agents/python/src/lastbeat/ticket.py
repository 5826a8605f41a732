"""What a ticket or a token says. Only the service can tell whether it is genuine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from .times import Span

# The form of lib/wire/credentials.ts. It is read from its end: a run may have dots, and nothing else has.
_FORM = re.compile(
    r"([A-Za-z0-9][\w.:+/-]{0,127})\.(\d{1,9})\.(\d{1,12})\.(\d{1,4})\.(\d{1,8})"
    r"\.([\w-]{1,32}?)(?:-([0-9a-z]{4}))?\.([\w-]{43})",
    re.ASCII,
)

# A ticket ends a day after its attempt has to start (docs/decisions/0020-credentials-end-by-themselves.md).
_OUTLIVES_START_MS = 24 * 3_600_000


@dataclass(frozen=True)
class Claims:
    """What a credential says. `lease` is in milliseconds."""

    run: str
    attempt: int
    fence: int
    lease: Span
    start_by: Optional[int] = None
    """When the attempt has to start, in Unix milliseconds, to the hour; absent in tickets of 0.1.0."""


def parse_credential(text: str) -> Optional[Claims]:
    """Reads a ticket or a token; None if it is not one of Lastbeat's."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    run, attempt, fence, _shard, lease, _key, hours, _hmac = found.groups()
    if int(lease) == 0:
        return None
    start_by = None if hours is None else int(hours, 36) * 3_600_000 - _OUTLIVES_START_MS
    return Claims(run, int(attempt), int(fence), Span(int(lease)), start_by)
