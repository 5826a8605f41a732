"""The one attempt of this process. What ends the process when a lease is lost ends everything in it."""

from __future__ import annotations

import os
import threading
from typing import Callable, Optional, Tuple

_lock = threading.Lock()
_current: Optional[Tuple[str, Callable[[], None]]] = None


def enter(run: str, let_go: Callable[[], None]) -> None:
    """An attempt at a run begins. A forked child calls `let_go`. Raises RuntimeError if there is another attempt."""
    global _current
    with _lock:
        if _current is not None:
            raise RuntimeError(
                f"an attempt at {_current[0]} is under way in this process: run each attempt in a process of its own"
            )
        _current = (run, let_go)


def leave() -> None:
    """The attempt is over."""
    global _current
    with _lock:
        _current = None


def _in_forked_child() -> None:
    """A child has no heart: only the thread that has forked goes on. Its signals are its own again."""
    global _current, _lock
    _lock = threading.Lock()  # another thread may have held the old one
    if _current is not None:
        let_go = _current[1]
        _current = None
        let_go()


os.register_at_fork(after_in_child=_in_forked_child)
