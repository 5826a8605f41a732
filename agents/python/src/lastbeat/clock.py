"""The agent's own clock."""

from __future__ import annotations

import sys
import time
from typing import Callable

from .times import Instant

# Goes on while the machine is suspended: CLOCK_BOOTTIME of Linux, and what macOS calls CLOCK_MONOTONIC.
_UPTIME = getattr(time, "CLOCK_MONOTONIC" if sys.platform == "darwin" else "CLOCK_BOOTTIME", None)


def uptime() -> float:
    """Seconds since the machine has started; 0 where a sandbox or another system does not tell."""
    try:
        return 0.0 if _UPTIME is None else time.clock_gettime(_UPTIME)
    except OSError:
        return 0.0


def elapsed(monotonic: Callable[[], float] = time.monotonic, up: Callable[[], float] = uptime) -> Callable[[], Instant]:
    """A clock in milliseconds since now, by the one of two clocks that shows more.

    A lease runs out on the server while the machine sleeps, so the sleep counts. The clock never goes back: what it has
    once counted as sleep it keeps.
    """
    started, booted = monotonic(), up()
    slept = 0.0

    def now() -> Instant:
        nonlocal slept
        passed = monotonic() - started
        slept = max(slept, up() - booted - passed)
        return Instant(int((passed + slept) * 1000))

    return now


def wall_clock() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000
