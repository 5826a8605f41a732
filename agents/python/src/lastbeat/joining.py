"""The ticket of a run whose attempts an orchestrator starts by itself: no message brings it to them."""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional

from .client import Client
from .errors import LastbeatError, NoAnswer, NotLastbeats, Refused, Unanswered

Json = Dict[str, Any]

# An attempt that has ended is declared lost by a sweep, and these come every ten seconds.
_PAUSE_SECONDS = 2.0

# Each of them is a run that has ended: its user has started the work again. More than that is a loop.
_MOST_LIVES = 100


_TOO_MANY = 429
_FAULT_OF_SERVICE = 500

# What a label may have.
_MOST_LABEL_LENGTH = 256


def needed(name: str, environment: Mapping[str, str]) -> str:
    """The value of a variable that has to be set. Raises NotLastbeats."""
    value = environment.get(name, "").strip()
    if not value:
        raise NotLastbeats(f"{name} is not set: the page of your orchestrator in docs/ says who sets it")
    return value


def spec_from(
    environment: Mapping[str, str], target: Mapping[str, object], labels: Mapping[str, str]
) -> Dict[str, object]:
    """The spec of a run: that of LASTBEAT_SPEC, with a target and with names of the orchestrator's.

    Raises NotLastbeats if LASTBEAT_SPEC is no JSON object.
    """
    text = environment.get("LASTBEAT_SPEC", "").strip() or "{}"
    try:
        asked = json.loads(text)
    except ValueError as error:
        raise NotLastbeats(f"LASTBEAT_SPEC is not JSON: {error}") from None
    if not isinstance(asked, dict):
        raise NotLastbeats('LASTBEAT_SPEC is not an object, as {"leaseSeconds": 120}')
    own = asked.get("labels", {})
    if not isinstance(own, dict):
        raise NotLastbeats("the labels of LASTBEAT_SPEC are no object")
    cut = {name: value[:_MOST_LABEL_LENGTH] for name, value in labels.items()}
    return {**asked, "target": dict(target), "labels": {**cut, **own}}


class Joined(NamedTuple):
    """A ticket, and what it is for."""

    run: str
    attempt: int
    ticket: str


class Over(LastbeatError):
    """Another process has done the work, is doing it, or nobody wants it any more. This one has nothing to do."""


def join(
    client: Client,
    run: str,
    spec: Mapping[str, object],
    *,
    patience_seconds: float,
    is_new: Callable[[Json], bool],
    is_alone: bool,
    say: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Joined:
    """Registers a run, and waits until there is a ticket for its next attempt.

    Whoever comes first registers the run. Whoever comes later gets the ticket of the attempt that is queued then.
    While an attempt before is not known to be gone, or a backoff lasts, there is none. A run that has ended is over for
    good: work that is started once more is another run, `<run>.2`. `is_new` says whether this process was started
    after the end that it is called with, and so for another run. `is_alone`: the orchestrator starts no process beside
    another one of the same work. Otherwise one that has waited for another, which has then ended, came for that run.

    Raises Over if this process has nothing to do, NoAnswer if no front door has answered for `patience_seconds`, and
    Refused for what is wrong with the spec.
    """
    until = now() + patience_seconds
    said: Optional[str] = None
    life = 1
    has_waited = False
    while True:
        name = run if life == 1 else f"{run}.{life}"
        try:
            answer = _registered(client, name, spec)
        except (Unanswered, Refused) as error:
            # A gateway that fails has decided nothing.
            if isinstance(error, Refused) and error.status < _FAULT_OF_SERVICE and error.status != _TOO_MANY:
                raise
            waits_for, is_held = f"no front door answers: {error}", False
        else:
            ticket = answer.get("ticket")
            if ticket is not None:
                return Joined(name, int(answer["attempt"]), str(ticket))
            if answer["state"] == "ended":
                if (has_waited and not is_alone) or not is_new(answer):
                    raise Over(f"{name} has ended: {answer.get('outcome')}")
                life += 1
                if life > _MOST_LIVES:
                    raise Over(f"{run} has ended {_MOST_LIVES} times")
                continue
            waits_for, is_held = f"attempt {answer['attempt']} of {name} is {answer['state']}", True
        if now() >= until:
            raise (Over if is_held else NoAnswer)(f"there is no ticket after {patience_seconds:g} s: {waits_for}")
        if waits_for != said:
            say(f"waits: {waits_for}")
            said = waits_for
        has_waited = has_waited or is_held
        sleep(_PAUSE_SECONDS)


def _registered(client: Client, run: str, spec: Mapping[str, object]) -> Json:
    """The answer to a registration, also when the spec has changed while the run lives: the first one counts."""
    try:
        return client.register(run, spec)
    except Refused as error:
        if error.name != "run-exists":
            raise
    return client.ticket(run)
