"""The self-fence for a process whose Python stands still.

A C extension that holds the GIL stops every thread of Python, that of the heart included. CPython has a watchdog that
needs no GIL: a thread in C that ends the process at a time that was set before (faulthandler.dump_traceback_later).
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import threading
import time
from typing import Optional

# Python takes no time that does not fit into its clock, and a deadline may be at the end of the year 9999. A run lives
# for a year at most.
_LONGEST_SECONDS = 366 * 24 * 3600.0


class Watchdog:
    """Ends the process with exit code 1, and says on stderr what each thread did, unless it is armed again in time.

    There is one in a process. A program that uses faulthandler.dump_traceback_later itself would disarm it.
    """

    def __init__(self) -> None:
        global _current
        self._lock = threading.Lock()
        # When it ends the process, by the monotonic clock.
        self._until: Optional[float] = None
        self._descriptor = _own_descriptor()
        _current = self

    def arm(self, seconds: float) -> None:
        """Ends the process in so many seconds."""
        with self._lock:
            self._until = time.monotonic() + min(seconds, _LONGEST_SECONDS)
            self._start()

    def disarm(self) -> None:
        with self._lock:
            if self._until is not None:
                self._until = None
                faulthandler.cancel_dump_traceback_later()

    def close(self) -> None:
        global _current
        if _current is self:  # another one may have come since
            _current = None
        self.disarm()
        os.close(self._descriptor)

    def _start(self) -> None:
        if self._until is not None:
            # It refuses a time that is not positive. A millisecond is as good as at once.
            left = max(0.001, self._until - time.monotonic())
            faulthandler.dump_traceback_later(left, exit=True, file=self._descriptor)

    def before_fork(self) -> None:
        """A child would wait for the thread in C when it ends, and has none. So there is none at that moment."""
        self._lock.acquire()
        if self._until is not None:
            faulthandler.cancel_dump_traceback_later()

    def after_fork(self) -> None:
        """In the parent."""
        self._start()
        self._lock.release()


_current: Optional[Watchdog] = None
# The one that each thread has stopped for its fork: others fork at the same time.
_forking = threading.local()


def _before_fork() -> None:
    _forking.watchdog = _current
    if _forking.watchdog is not None:
        _forking.watchdog.before_fork()


def _after_fork() -> None:
    if _forking.watchdog is not None:
        _forking.watchdog.after_fork()


def _in_forked_child() -> None:
    """Its lock is held, and nobody is there to let it go. A fork of the child must not wait for it."""
    global _current
    _current = None


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_forked_child)


def _own_descriptor() -> int:
    """A descriptor of our own for stderr, which does not wait: a log that nobody reads must not keep the process alive.

    Where the system has no such path, nothing is said, for the same reason.
    """
    with contextlib.suppress(OSError):
        return os.open("/proc/self/fd/2", os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
