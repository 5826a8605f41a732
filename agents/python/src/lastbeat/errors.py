"""What this package raises."""

from __future__ import annotations

from datetime import datetime
from typing import Mapping, Optional, Sequence


class LastbeatError(Exception):
    """The root of all errors of this package. `Stop` is none: it asks the work to leave."""


class NotLastbeats(LastbeatError, ValueError):
    """A text is no ticket, no token, no requeue message or no address."""


class NotStarted(LastbeatError):
    """The attempt may not start here. The work must not be done."""


class Superseded(NotStarted):
    """The attempt is over: it was lost, requeued or handed over. Another one follows, or has begun.

    It is also raised at the end of a block whose success came too late to count.
    """


class NotOurs(NotStarted):
    """Another process has claimed this attempt with the same ticket."""


class Ended(NotStarted):
    """The run has ended: it succeeded, failed, was canceled, or its budgets are used up."""


class Overran(NotStarted):
    """The deadline of the attempt or of the run has passed."""


class NoAnswer(NotStarted):
    """No front door has answered until the attempt had to start."""


class NotReported(LastbeatError):
    """The end was not answered. It stays in the state folder, and the next agent on this machine delivers it."""


class Forked(LastbeatError, RuntimeError):
    """A forked child has used the attempt of its parent. Only the process that has claimed it speaks for it."""


class Refused(LastbeatError):
    """The service has refused an owner's call.

    `name` is a problem of docs/problems.md, or "gateway" if the answer is none of Lastbeat's. `errors` names the fields
    that are wrong.
    """

    def __init__(self, name: str, status: int, detail: str, errors: Sequence[Mapping[str, str]] = ()) -> None:
        fields = "; ".join(f"{one.get('field')}: {one.get('detail')}" for one in errors)
        super().__init__(f"{name} ({status}): {detail or fields}")
        self.name = name
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)


class Unanswered(LastbeatError):
    """No front door has answered an owner's call. Nobody knows whether it was carried out; it may be repeated."""


class BinaryMissing(LastbeatError):
    """There is no `lastbeat` program here."""


class Stop(SystemExit):
    """The work is asked to leave: by a drain, a cancel, the loss of the lease, or a signal.

    It is a SystemExit, so that no `except Exception` swallows it, and that a process in which nobody catches it leaves
    with the exit code of `lastbeat exec`: 80 self-fenced, 81 not ours any more, 82 drained, 143 after a SIGTERM.
    """

    def __init__(self, code: int, reason: str, deadline: Optional[datetime] = None) -> None:
        super().__init__(code)
        self.reason = reason
        self.deadline = deadline

    def __str__(self) -> str:
        return self.reason
