"""What a user chooses for an attempt: arguments first, then the variables of `lastbeat exec`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import List, Mapping, Optional, Sequence, Tuple, Union
from urllib.parse import SplitResult, urlsplit

from . import instance_metadata
from .client import front_doors
from .errors import NotLastbeats
from .heart.words import Own
from .holder import is_on_ec2
from .ticket import Claims, parse_credential
from .times import Instant, Span, parse_instant, seconds

# Where `lastbeat dev` listens.
_HERE = "http://127.0.0.1:8787"

# A front door that never answers is asked at least this long, whatever the clock here says of the ticket.
_SHORTEST_START_MS = 60_000
# A ticket of 0.1.0 does not say when its attempt has to start: the longest start window is a day.
_LONGEST_START_MS = 24 * 3_600_000

# A run lives for a year at most. A longer time is a mistake in the unit.
_LONGEST_SECONDS = 366 * 24 * 3600

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}

# Names that do not leave the machine or the cluster.
_NEAR = re.compile(r"localhost|.+\.localhost|127(\.\d+){3}|::1|.+\.(svc|local)")


@dataclass(frozen=True)
class Choices:
    """The arguments of an attempt. None means: as the variable says, or as `lastbeat exec` does."""

    ticket: Optional[str] = None
    urls: Union[str, Sequence[str], None] = None
    host: Optional[str] = None
    drain_seconds: Optional[float] = None
    stall_seconds: Optional[float] = None
    report_seconds: Optional[float] = None
    start_by: Union[str, datetime, None] = None
    state_dir: Union[str, Path, None] = None
    identity_file: Union[str, Path, None] = None
    on_interrupt: Optional[str] = None
    facts: Optional[Mapping[str, str]] = None


@dataclass(frozen=True)
class Settings:
    """All that an attempt needs to know before it claims. `metadata` is the address to ask for notices, if any."""

    ticket: str
    claims: Claims
    addresses: Tuple[str, ...]
    host: Optional[str]
    drain: Optional[Span]
    stall: Optional[Span]
    report_for: Optional[Span]
    start_by: Optional[int]
    state_dir: Optional[Path]
    identity_file: Optional[Path]
    metadata: Optional[str]
    on_interrupt: Optional[str]
    warnings: Tuple[str, ...]
    facts: Mapping[str, str]

    def own(self, now: Instant, wall: int) -> Own:
        """The choices that the heart knows. `now` is its clock, and `wall` the time of day in Unix milliseconds."""
        latest = self.claims.start_by if self.start_by is None else self.start_by
        window = _LONGEST_START_MS if latest is None else max(_SHORTEST_START_MS, latest - wall)
        return Own(self.drain, self.stall, Instant(now + window), self.report_for, self.on_interrupt)


def settings_of(choices: Choices, environment: Mapping[str, str] = os.environ) -> Settings:
    """Puts arguments and variables together. Raises ValueError with what would be understood."""

    def variable(name: str) -> Optional[str]:
        return environment.get(name, "").strip() or None

    ticket = choices.ticket or variable("LASTBEAT_TICKET")
    if ticket is None:
        raise NotLastbeats("there is no ticket: Attempt(ticket=...), or set LASTBEAT_TICKET")
    claims = parse_credential(ticket)
    if claims is None:
        raise NotLastbeats(
            "the ticket is not one of Lastbeat's: take it from the registration or from the requeue message"
        )
    urls = choices.urls or variable("LASTBEAT_URL") or _HERE
    addresses = front_doors(urls)
    state_dir = choices.state_dir or variable("LASTBEAT_STATE_DIR")
    identity_file = choices.identity_file or variable("LASTBEAT_IDENTITY_FILE")
    return Settings(
        ticket=ticket,
        claims=claims,
        addresses=tuple(addresses),
        host=choices.host or variable("LASTBEAT_HOST"),
        drain=_span("drain_seconds", choices.drain_seconds, "LASTBEAT_DRAIN_SECONDS", environment),
        stall=_span("stall_seconds", choices.stall_seconds, "LASTBEAT_STALL", environment),
        report_for=_span("report_seconds", choices.report_seconds, "LASTBEAT_REPORT_SECONDS", environment),
        start_by=_start_by(choices.start_by or variable("LASTBEAT_START_BY")),
        state_dir=None if state_dir is None else Path(state_dir),
        identity_file=None if identity_file is None else Path(identity_file),
        metadata=_metadata(variable("LASTBEAT_IMDS"), variable("LASTBEAT_IMDS_URL")),
        on_interrupt=_on_interrupt(choices.on_interrupt or variable("LASTBEAT_ON_INTERRUPT")),
        warnings=tuple(_readable(addresses)) if variable("LASTBEAT_INSECURE") != "1" else (),
        facts=choices.facts or {},
    )


def _span(name: str, chosen: Optional[float], variable: str, environment: Mapping[str, str]) -> Optional[Span]:
    count, text = chosen, environment.get(variable, "").strip()
    if count is None and text:
        found = _AMOUNT.fullmatch(text)
        count = float(found.group(1)) * _UNITS[found.group(2)] if found else -1.0
    if count is None:
        return None
    if not 0 < count < _LONGEST_SECONDS:
        given = repr(text) if chosen is None else str(chosen)
        raise ValueError(f"{name} ({variable}) takes seconds, and the variable also 60s or 5m, not {given}")
    return seconds(count)


def _start_by(given: Union[str, datetime, None]) -> Optional[int]:
    if isinstance(given, datetime):
        return int(given.timestamp() * 1000)
    at = parse_instant(given)
    if given is not None and at is None:
        raise ValueError(f"start_by (LASTBEAT_START_BY) takes an instant such as 2026-11-27T12:00:00Z, not {given!r}")
    return at


def _metadata(imds: Optional[str], address: Optional[str]) -> Optional[str]:
    """Whom to ask for notices: nobody, unless this is an EC2 instance or somebody has said whom."""
    if imds not in (None, "auto", "off"):
        raise ValueError(f"LASTBEAT_IMDS is auto or off, not {imds!r}")
    if imds == "off":
        return None
    return address or (instance_metadata.DEFAULT if is_on_ec2() else None)


def _on_interrupt(given: Optional[str]) -> Optional[str]:
    if given not in (None, "requeue", "cancel"):
        raise ValueError(f"on_interrupt (LASTBEAT_ON_INTERRUPT) is requeue or cancel, not {given!r}")
    return "cancel" if given == "cancel" else None


def _readable(addresses: Sequence[str]) -> List[str]:
    return [
        f"{address} is not encrypted, so somebody who listens on the way can read the credentials: "
        "use https, or set LASTBEAT_INSECURE=1 if that is intended"
        for address in addresses
        if _is_readable(urlsplit(address))
    ]


def _is_readable(url: SplitResult) -> bool:
    return url.scheme == "http" and _NEAR.fullmatch(url.hostname or "") is None
