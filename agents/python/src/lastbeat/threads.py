"""Threads that end with the process."""

from __future__ import annotations

import threading
from typing import Callable


def spawn(name: str, run: Callable[[], object]) -> bool:
    """Whether the thread could be started: a process may have no more, and an interpreter that ends starts none."""
    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError:
        return False
    return True
