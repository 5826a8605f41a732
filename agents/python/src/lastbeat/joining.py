"""The ticket of a run whose attempts an orchestrator starts by itself: no message brings it to them."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Mapping, Optional

from .client import Client
from .errors import NoAnswer, Refused, Unanswered

Json = Dict[str, Any]

# An attempt that has ended is declared lost by a sweep, and these come every ten seconds.
_PAUSE_SECONDS = 2.0

# Each of them is a run that has ended: its user has started the work again. More than that is a loop.
_MOST_LIVES = 100


class Joined:
    """A ticket, and what it is for."""

    def __init__(self, run: str, attempt: int, ticket: str) -> None:
        self.run = run
        self.attempt = attempt
        self.ticket = ticket


def join(
    client: Client,
    run: str,
    spec: Mapping[str, object],
    *,
    patience_seconds: float,
    say: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Joined:
    """Registers a run, and waits until there is a ticket for its next attempt.

    Whoever comes first registers the run. Whoever comes later gets the ticket of the attempt that is queued then.
    While an attempt before is not known to be gone, or a backoff lasts, there is none. A run that has ended is over for
    good: work that is started once more is another run, `<run>.2`.

    Raises NoAnswer if there is no ticket after `patience_seconds`, and Refused for what is wrong with the spec.
    """
    until = now() + patience_seconds
    said: Optional[str] = None
    life = 1
    while True:
        name = run if life == 1 else f"{run}.{life}"
        try:
            answer = _registered(client, name, spec)
        except Unanswered as error:
            waits_for = f"no front door answers: {error}"
        else:
            ticket = answer.get("ticket")
            if ticket is not None:
                return Joined(name, int(answer["attempt"]), str(ticket))
            if answer["state"] == "ended":
                life += 1
                if life > _MOST_LIVES:
                    raise NoAnswer(f"{run} has ended {_MOST_LIVES} times")
                continue
            waits_for = f"attempt {answer['attempt']} of {name} is {answer['state']}"
        if now() >= until:
            raise NoAnswer(f"there is no ticket after {patience_seconds:g} s: {waits_for}")
        if waits_for != said:
            say(f"waits: {waits_for}")
            said = waits_for
        sleep(_PAUSE_SECONDS)


def _registered(client: Client, run: str, spec: Mapping[str, object]) -> Json:
    """The answer to a registration, also when the spec has changed while the run lives: the first one counts."""
    try:
        return client.register(run, spec)
    except Refused as error:
        if error.name != "run-exists":
            raise
    return client.ticket(run)
