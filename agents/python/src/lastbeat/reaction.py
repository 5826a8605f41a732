"""What happens in this process when the work is asked to leave."""

from __future__ import annotations

import signal
import threading
from datetime import datetime
from typing import Callable, Optional

from .errors import Stop
from .handlers import Handlers, in_main_thread, ring
from .threads import spawn

OnStop = Callable[[str, Optional[datetime]], object]

# "tell" does nothing more than set `stopping` and call `on_stop`. The others also raise in the main thread:
# KeyboardInterrupt, or Stop. They need its signal, SIGINT or SIGTERM: where that is ignored, nothing is raised.
REACTIONS = ("tell", "interrupt", "exit")


class Reaction:
    """Tells the work, by an event, a callback, and an exception in the main thread, and hears the signals to it."""

    def __init__(
        self, on_term: str, handle_signals: bool, on_stop: Optional[OnStop], say: Callable[[str], None]
    ) -> None:
        if on_term not in REACTIONS:
            raise ValueError(f"on_term is one of {', '.join(REACTIONS)}, not {on_term!r}")
        self.stopping = threading.Event()
        # From then on nothing is raised in the main thread: the end of the work must not turn into something else.
        self.over = threading.Event()
        self._on_term = on_term
        # To raise Stop takes a handler in the main thread.
        self._handles_term = handle_signals or on_term == "exit"
        self._on_stop = on_stop
        self._say = say
        self._handlers = Handlers()
        # The signal by which we call the main thread, if it has our handler.
        self._bell: Optional[int] = None
        self._is_ringing = False
        # How often Ctrl-C was pressed, as far as it is heard here.
        self.presses = 0
        self._hears_int = on_term == "interrupt"
        self._is_in_loop = False

    def hear_ctrl_c(self) -> None:
        """In an event loop Ctrl-C cancels a task, and so do others: whether it came is known by its signal alone."""
        self._is_in_loop = True
        self._hears_int = in_main_thread()

    def require_main_thread(self) -> None:
        """Raises ValueError outside the main thread, if there is a handler to install."""
        if (self._handles_term or self._on_term != "tell") and not in_main_thread():
            raise ValueError("signals are handled in the main thread alone: leave out handle_signals and on_term here")

    def install(self, signaled: Callable[[str, int], None], stop: Callable[[], Stop]) -> None:
        """Installs the handlers that are needed. `stop` makes the exception that says why."""
        self._signaled = signaled
        self._stop = stop
        if self._handles_term and self._handlers.install(signal.SIGTERM, self._on_sigterm) and self._on_term == "exit":
            self._bell = signal.SIGTERM
        is_heard = self._hears_int and self._handlers.install(signal.SIGINT, self._on_sigint)
        if is_heard and self._on_term == "interrupt":
            self._bell = signal.SIGINT

    def ask_to_leave(self) -> None:
        """Never waits: the beats must go on."""
        if self.stopping.is_set() or self.over.is_set():
            return
        self.stopping.set()
        on_stop = self._on_stop
        if on_stop is not None and not spawn("lastbeat-on-stop", lambda: self._call_back(on_stop)):
            self._say("on_stop is not called: this process cannot start a thread now")
        if self._bell is not None:
            self._is_ringing = True
            ring(self._bell)

    def close(self) -> None:
        self.over.set()
        self.forget_signals()

    def forget_signals(self) -> None:
        """A forked child does no more than that: the lock of an event may be held by a thread that it does not have."""
        self._handlers.restore()

    def _call_back(self, on_stop: OnStop) -> None:
        stop = self._stop()
        try:
            on_stop(stop.reason, stop.deadline)
        except Exception as error:
            self._say(f"on_stop has failed: {type(error).__name__}: {error}")

    def _is_rung(self) -> bool:
        """Whether a signal comes from ourselves."""
        is_rung, self._is_ringing = self._is_ringing, False
        return is_rung

    def _on_sigterm(self) -> bool:
        if not self._is_rung():
            self._signaled("SIGTERM", signal.SIGTERM)
            return False
        if not self.over.is_set():
            raise self._stop()
        return True

    def _on_sigint(self) -> bool:
        # With "exit" it is a SIGTERM that we ring with.
        if self._bell != signal.SIGINT or not self._is_rung():
            self.presses += 1
            if self._is_in_loop:
                self._signaled("SIGINT", signal.SIGINT)
            return False
        if not self.over.is_set():
            raise KeyboardInterrupt
        return True
