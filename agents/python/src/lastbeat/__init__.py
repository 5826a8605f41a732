"""Lastbeat for Python: work under a lease, and a consumer of the requeue queue (docs/python.md)."""

from .answer import Answer, Ok, Problem, Unclear
from .attempt import Attempt
from .client import Client
from .consumer import Consumer
from .errors import (
    BinaryMissing,
    Ended,
    Forked,
    LastbeatError,
    NoAnswer,
    NotLastbeats,
    NotOurs,
    NotReported,
    NotStarted,
    Overran,
    Refused,
    Stop,
    Superseded,
    Unanswered,
)
from .log import to_logging
from .program import binary
from .requeue import Requeue
from .wire import BeatBody, ClaimBody, FinishBody, Progress, Report

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Attempt",
    "BeatBody",
    "BinaryMissing",
    "ClaimBody",
    "Client",
    "Consumer",
    "Ended",
    "FinishBody",
    "Forked",
    "LastbeatError",
    "NoAnswer",
    "NotLastbeats",
    "NotOurs",
    "NotReported",
    "NotStarted",
    "Ok",
    "Overran",
    "Problem",
    "Progress",
    "Refused",
    "Report",
    "Requeue",
    "Stop",
    "Superseded",
    "Unanswered",
    "Unclear",
    "binary",
    "to_logging",
]
