"""Signal handlers that leave the ones before them in place."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Callable, Dict, Optional, Tuple

Handle = Callable[[int, Optional[FrameType]], object]


class Handlers:
    """Handlers of this process, for a while."""

    def __init__(self) -> None:
        self._installed: Dict[int, Tuple[Handle, signal._HANDLER]] = {}

    def install(self, number: int, act: Callable[[], bool]) -> bool:
        """Calls `act` when the signal comes, and then the handler from before, unless `act` says that it was for us.

        A signal that is ignored stays ignored, as SIGHUP under nohup. A handler in C cannot be called from here, so it
        stays. Then the answer is False. The default action is not carried out: the work is asked to leave instead.
        """
        previous = signal.getsignal(number)
        if previous is None or previous is signal.SIG_IGN:
            return False

        def handle(given: int, frame: Optional[FrameType]) -> None:
            if not act() and callable(previous):
                previous(given, frame)

        self._installed[number] = (handle, previous)
        signal.signal(number, handle)
        return True

    def restore(self) -> None:
        """Takes our handlers away. One that somebody else has put in front of ours stays.

        Another thread than the main one may not do it. Ours then stay, and pass on to those from before.
        """
        if not in_main_thread():
            return
        installed, self._installed = self._installed, {}
        for number, (ours, previous) in installed.items():
            if signal.getsignal(number) is ours:
                signal.signal(number, previous)


def in_main_thread() -> bool:
    """Whether this thread may install signal handlers."""
    return threading.current_thread() is threading.main_thread()


def ring(number: int) -> None:
    """Sends a signal to the main thread, so that even a call that sleeps there is interrupted."""
    ident = threading.main_thread().ident
    if ident is not None:
        signal.pthread_kill(ident, number)
