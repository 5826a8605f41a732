"""Several front doors as one."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Callable, Dict, List, Sequence, TypeVar

from .answer import Answer, Unclear

Body = TypeVar("Body")


def addresses_of(urls: str) -> List[str]:
    """The addresses of a list that is separated by commas."""
    return [url.strip() for url in urls.split(",") if url.strip()]


class Failover:
    """Front doors that are asked one at a time: after an unclear answer the next request goes to the next of them."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = tuple(addresses)
        self._lock = threading.Lock()
        self._next = 0
        # Why each of them gave no clear answer when it was asked last.
        self._reasons: Dict[str, str] = {}

    def ask(self, call: Callable[[str], Answer[Body]]) -> Answer[Body]:
        """Asks one of them. An unclear answer gives the reasons of all that are not clear, each with its address."""
        with self._lock:
            asked = self._next
        address = self.addresses[asked]
        answer = call(address)
        with self._lock:
            if not isinstance(answer, Unclear):
                self._reasons.pop(address, None)
                return answer
            # Of two requests that were out at once, the second must not skip a front door that may be good.
            if self._next == asked:
                self._next = (asked + 1) % len(self.addresses)
            self._reasons[address] = answer.detail
            reasons = [f"{at}: {self._reasons[at]}" for at in self.addresses if at in self._reasons]
        return replace(answer, detail="; ".join(reasons))
