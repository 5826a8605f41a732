"""What the response to a request means."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Callable, Dict, Generic, Optional, TypeVar, Union

from .times import Span
from .wire import BeatBody, ClaimBody, FinishBody

Body = TypeVar("Body", covariant=True)


@dataclass(frozen=True)
class Ok(Generic[Body]):
    """The service has done what was asked."""

    body: Body


@dataclass(frozen=True)
class Problem:
    """The service has refused, by one of its own problems (docs/problems.md). `retry_after` is in milliseconds."""

    name: str
    detail: str = ""
    retry_after: Optional[Span] = None


@dataclass(frozen=True)
class Unclear:
    """Nobody knows: no answer, one of a gateway, or a failure of the service. `retry_after` is in milliseconds.

    Only a problem of ours says anything about the attempt. A broken gateway answers 403 to everybody, and no work must
    end because of that.
    """

    detail: str
    retry_after: Optional[Span] = None


Answer = Union[Ok[Body], Problem, Unclear]

Fields = Dict[str, object]

# Those of docs/problems.md.
PROBLEMS = frozenset(
    (
        "malformed",
        "invalid",
        "unauthorized",
        "wrong-run",
        "foreign-origin",
        "not-found",
        "method-not-allowed",
        "run-exists",
        "superseded",
        "held-by-another",
        "finished-otherwise",
        "canceling",
        "ended",
        "overran",
        "too-large",
        "hold",
        "internal",
        "contended",
    )
)

_PREFIX = "urn:lastbeat:problem:"

# No server sends an agent away for longer than this: it is a tenth of the usual start window.
_LONGEST_RETRY_AFTER = Span(90_000)

# Our answers have a few hundred bytes. A gateway that streams must not fill the memory beside the work.
MOST_BYTES = 64 * 1024


def problem_name(body: object) -> Optional[str]:
    """The name of one of our problems; None for the answer of a gateway or of another server."""
    kind = body.get("type") if isinstance(body, dict) else None
    if not isinstance(kind, str) or not kind.startswith(_PREFIX):
        return None
    name = kind[len(_PREFIX) :]
    return name if name in PROBLEMS else None


def retry_after(header: Optional[str]) -> Optional[Span]:
    """What a Retry-After header asks for. Dates are not read, because nobody here sends them."""
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text) is None:
        return None
    return Span(min(_LONGEST_RETRY_AFTER, int(text) * 1000))


def parsed(text: bytes, most: int = MOST_BYTES) -> object:
    """The JSON of a body; None if it is none, or larger than any answer of ours."""
    if len(text) > most:
        return None
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError):  # also what is not UTF-8, and thousands of brackets
        return None


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def interpret(
    status: int, text: bytes, header: Optional[str], read: Callable[[Fields], Optional[Body]]
) -> Answer[Body]:
    """The meaning of a response. What is neither a success of ours nor a problem of ours is unclear."""
    body = parsed(text)
    pause = retry_after(header)
    name = problem_name(body)
    if name in ("internal", "contended"):
        return Unclear(f"the server answered {name}", pause)
    if name is not None and isinstance(body, dict):
        detail = body.get("detail")
        return Problem(name, detail if isinstance(detail, str) else "", pause)
    found = read(body) if status == 200 and isinstance(body, dict) else None
    return Unclear(f"status {status} with a body that is not ours", pause) if found is None else Ok(found)


class _NotOurs(Exception):
    """A field is missing, or has another type. An answer that a broken proxy makes up does."""


def _text(body: Fields, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise _NotOurs
    return value


def _optional(body: Fields, name: str) -> Optional[str]:
    return None if body.get(name) is None else _text(body, name)


def _number(body: Fields, name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _NotOurs
    return value


def _whole(body: Fields, name: str) -> int:
    value = _number(body, name)
    if value != value or value in (float("inf"), float("-inf")) or int(value) != value:
        raise _NotOurs
    return int(value)


def claim_body(body: Fields) -> Optional[ClaimBody]:
    try:
        return ClaimBody(
            attempt=_whole(body, "attempt"),
            fence=_whole(body, "fence"),
            token=_text(body, "token"),
            next_beat_seconds=_number(body, "nextBeatSeconds"),
            directive=_text(body, "directive"),
            on_cut_off=_optional(body, "onCutOff"),
            beat_url=_optional(body, "beatUrl"),
        )
    except _NotOurs:
        return None


def beat_body(body: Fields) -> Optional[BeatBody]:
    try:
        return BeatBody(
            directive=_text(body, "directive"),
            next_beat_seconds=_number(body, "nextBeatSeconds"),
            reason=_optional(body, "reason"),
            deadline=_optional(body, "deadline"),
            token=_optional(body, "token"),
        )
    except _NotOurs:
        return None


def finish_body(body: Fields) -> Optional[FinishBody]:
    try:
        return FinishBody(state=_text(body, "state"), outcome=_optional(body, "outcome"))
    except _NotOurs:
        return None


def any_body(body: Fields) -> Optional[Fields]:
    """A notice is answered with an empty object."""
    return body
