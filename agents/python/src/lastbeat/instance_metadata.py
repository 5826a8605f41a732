"""What the metadata of the EC2 instance (IMDSv2) announce: a spot interruption, or the advice to leave."""

from __future__ import annotations

import json
import threading
import time
from typing import Callable, Dict, Optional

from .heart.words import Noticed
from .times import format_instant, parse_instant
from .transport import Failed, Request, Response, exchange

DEFAULT = "http://169.254.169.254"

# The whole notice is two minutes. Polling loses at most this much of it.
_POLL_SECONDS = 5.0
# The host itself answers for the metadata, or nobody does: a pod behind a hop limit gets no answer.
_TIMEOUT_SECONDS = 1.0
# Metadata that do not answer for so long at the start are not there: the network of a pod may come up late.
_PATIENCE_SECONDS = 60.0
# The longest that IMDSv2 allows. When a token has expired, a new one is taken.
_TTL_SECONDS = 21_600
# A token and a notice have less than 200 bytes each.
_MOST_BYTES = 4096


class Poll:
    """Asks the metadata at `base` until stopped. Each kind is announced once."""

    def __init__(
        self,
        base: str,
        announce: Callable[[Noticed], None],
        say: Callable[[str], None],
        over: threading.Event,
        every: float = _POLL_SECONDS,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self._base = base.rstrip("/")
        self._announce = announce
        self._say = say
        self._over = over
        self._every = every
        self._patience = patience
        self._token: Optional[str] = None
        self._heard: Dict[str, Noticed] = {}

    def run(self) -> None:
        """Returns when it is stopped, or when there are no metadata."""
        give_up_at = time.monotonic() + self._patience
        while not self._renewed():
            if time.monotonic() >= give_up_at:
                self._say(
                    f"the instance metadata at {self._base} do not answer: a spot notice comes with the beats alone"
                )
                return
            if self._over.wait(self._every):
                return
        while True:
            self._hear(_spot(self._read("spot/instance-action")))
            self._hear(_rebalance(self._read("events/recommendations/rebalance")))
            if self._over.wait(self._every):
                return

    def _ask(self, method: str, path: str, headers: Dict[str, str]) -> Optional[Response]:
        try:
            request = Request(method, f"{self._base}/latest/{path}", headers)
            return exchange(request, _TIMEOUT_SECONDS, _MOST_BYTES, is_direct=True)
        except Failed:
            return None  # it is asked again

    def _renewed(self) -> bool:
        response = self._ask("PUT", "api/token", {"x-aws-ec2-metadata-token-ttl-seconds": str(_TTL_SECONDS)})
        if response is None or response.status != 200:
            return False
        self._token = response.body.decode("ascii", "replace").strip()
        return True

    def _read(self, path: str) -> object:
        response = self._ask("GET", f"meta-data/{path}", {"x-aws-ec2-metadata-token": self._token or ""})
        if response is not None and response.status == 401 and self._renewed():
            response = self._ask("GET", f"meta-data/{path}", {"x-aws-ec2-metadata-token": self._token or ""})
        if response is None or response.status != 200:
            return None  # 404: nothing is announced
        try:
            return json.loads(response.body)
        except (ValueError, RecursionError):
            return None

    def _hear(self, what: Optional[Noticed]) -> None:
        if what is not None and self._heard.setdefault(what.notice, what) is what:
            self._announce(what)


def _instant(body: object, name: str) -> Optional[str]:
    value = body.get(name) if isinstance(body, dict) else None
    at = parse_instant(value) if isinstance(value, str) else None
    return None if at is None else format_instant(at)


def _spot(body: object) -> Optional[Noticed]:
    deadline = _instant(body, "time")
    return None if deadline is None else Noticed("spot", deadline=deadline)


def _rebalance(body: object) -> Optional[Noticed]:
    return Noticed("rebalance", at=_instant(body, "noticeTime")) if isinstance(body, dict) else None
