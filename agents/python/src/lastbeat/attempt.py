"""An attempt for work in this very process."""

from __future__ import annotations

import os
import signal
import threading
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Callable, Dict, Mapping, Optional, Sequence, Type, Union

from . import current
from .agent import Agent
from .ending import Ending, ending_before_start, ending_of, error_of, is_success, refusal_of
from .errors import Forked, Stop
from .log import to_stderr
from .loop import come
from .progress import progress_of
from .reaction import OnStop, Reaction
from .settings import Choices, settings_of
from .wire import Number


class Attempt:
    """Claims an attempt, beats while the block runs, and reports how it ended.

        with lastbeat.Attempt() as attempt:
            for index, batch in enumerate(batches):
                attempt.check()
                write(batch, fence=attempt.fence)
                attempt.progress(index + 1, of=len(batches))

    A block that ends normally has succeeded, and so has one that leaves with SystemExit(0). Another exception is a
    failure. `Stop`, or a KeyboardInterrupt, after the work was asked to leave is an interruption.

    When no beat was acknowledged for so long that another attempt might start, the work is asked to leave. If it has
    not left in its grace, this process ends with exit code 80, and the report stays on disk. That cannot be switched
    off here: it is what keeps two attempts apart. The owner of the run can, with `onCutOff: continue`.
    """

    def __init__(
        self,
        ticket: Optional[str] = None,
        urls: Union[str, Sequence[str], None] = None,
        *,
        on_stop: Optional[OnStop] = None,
        on_term: str = "tell",
        handle_signals: bool = False,
        watchdog: bool = True,
        host: Optional[str] = None,
        drain_seconds: Optional[float] = None,
        stall_seconds: Optional[float] = None,
        report_seconds: Optional[float] = None,
        start_by: Union[str, datetime, None] = None,
        state_dir: Union[str, Path, None] = None,
        identity_file: Union[str, Path, None] = None,
        on_interrupt: Optional[str] = None,
        facts: Optional[Mapping[str, str]] = None,
        say: Callable[[str], None] = to_stderr,
    ) -> None:
        """Nothing is claimed before the block begins. What is not given comes from the variables of `lastbeat exec`.

        `on_stop` is called with the reason and, if there is one, the deadline, on a thread of its own, when the work is
        asked to leave. `on_term` says what happens then, too: "tell" does nothing more; "interrupt" raises
        KeyboardInterrupt in the main thread; "exit" raises `Stop` there, and takes a SIGTERM for such a request.
        `handle_signals` does the latter alone. `watchdog` ends the process also when a C extension holds the GIL.

        The others are options of `lastbeat exec`. `drain_seconds`: how long the work may drain if nobody names a
        deadline (90). `stall_seconds`: stop the work if it has not called `progress` for so long. `report_seconds`: how
        long the end of an attempt that was cut off is repeated (900). `start_by`: when a front door that never answers
        is given up. `on_interrupt`: "cancel" cancels the run if the block ends by Ctrl-C; else it is started again.
        `facts` are told about this process when it claims, beside its host; six at most, of 256 letters each.
        `say` gets the lines for people; by default they go to stderr, and with `lastbeat.to_logging` to the logger
        `lastbeat`.

        Raises ValueError for what cannot be understood.
        """
        choices = Choices(
            ticket,
            urls,
            host,
            drain_seconds,
            stall_seconds,
            report_seconds,
            start_by,
            state_dir,
            identity_file,
            on_interrupt,
            facts,
        )
        self._settings = settings_of(choices)
        self._reaction = Reaction(on_term, handle_signals, on_stop, self._say)
        self.stopping = self._reaction.stopping
        """Set when the work is asked to leave."""
        self._has_watchdog = watchdog
        self._sink = say
        self._pid = os.getpid()
        self._agent: Optional[Agent] = None
        # The thread of the block, and what `check` has raised in another one.
        self._thread = 0
        self._stopped_elsewhere: Optional[Stop] = None

    # What the work may ask

    @property
    def run(self) -> str:
        """The run that this is an attempt at."""
        return self._settings.claims.run

    @property
    def number(self) -> int:
        """1 for the first attempt."""
        claimed = self._agent.claimed if self._agent is not None else None
        return self._settings.claims.attempt if claimed is None else claimed[0]

    @property
    def fence(self) -> int:
        """Rises with every attempt. Let the systems that the work writes to refuse a lower one."""
        claimed = self._agent.claimed if self._agent is not None else None
        return self._settings.claims.fence if claimed is None else claimed[1]

    @property
    def should_stop(self) -> bool:
        """Whether the work is asked to leave."""
        return self.stopping.is_set()

    @property
    def reason(self) -> Optional[str]:
        """Why the work is asked to leave; None if it is not."""
        return self._agent.stop().reason if self._agent is not None and self.should_stop else None

    @property
    def deadline(self) -> Optional[datetime]:
        """When this process ends if the work has not left; None if nobody says when, as after a SIGTERM."""
        return self._agent.stop().deadline if self._agent is not None and self.should_stop else None

    def check(self) -> None:
        """Raises `Stop` if the work is asked to leave.

        In another thread than that of the block it ends that thread alone. So the block, if it ends normally after
        that, ends with the same Stop: work that was stopped halfway is no success.
        """
        if self._agent is not None and self.should_stop and not self._is_forked():
            stop = self._agent.stop()
            if threading.get_ident() != self._thread:
                self._stopped_elsewhere = stop
            raise stop

    def progress(self, value: Number, of: Optional[Number] = None, note: Optional[str] = None) -> None:
        """Says how far the work is. The next beat carries the newest progress, so it may be called as often as it fits.

        A run that got further than every attempt before has its count of interruptions start again. A value that the
        service cannot store, as NaN, is left out, and only counts as a sign of life. Raises TypeError for what is no
        number, and Forked in a forked child.
        """
        if self._is_forked():
            raise Forked("progress was called in a forked child: let the process that has claimed the attempt call it")
        if self._agent is not None:
            self._agent.progressed(progress_of(value, of, note, self._say))

    def environment(self) -> Dict[str, str]:
        """The variables for a process that the work starts: who it works for, and not the ticket."""
        own = {"LASTBEAT_RUN_ID": self.run, "LASTBEAT_ATTEMPT": str(self.number), "LASTBEAT_FENCE": str(self.fence)}
        return {**{name: value for name, value in os.environ.items() if name != "LASTBEAT_TICKET"}, **own}

    # The block

    def __enter__(self) -> Attempt:
        """Claims the attempt, and waits at the gate as long as its predecessor is not gone.

        Raises a NotStarted that says why the work must not be done, and Stop if a signal ended the wait. Raises
        RuntimeError if another attempt is under way in this process.
        """
        agent = self._begin()
        try:
            agent.start()
            agent.decided.wait()
            if agent.claimed is not None:
                return self
        except BaseException as error:  # also what a signal handler raises: if it is claimed, its end is reported
            self._finish(agent, error, ending_before_start)
            raise
        raise self._refused(agent)

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        """Reports the end, and waits until it is answered. What a signal handler raises meanwhile is raised then.

        After a success raises Superseded or Ended if it came too late to count, and NotReported if nobody answered. If
        `check` has raised Stop in another thread, a normal end is that Stop.
        """
        agent = self._agent
        if agent is None or self._is_forked():
            return
        seen = self._seen(error)
        self._conclude(agent, error, seen, self._finish(agent, seen, self._meaning))

    async def __aenter__(self) -> Attempt:
        """The same, while the event loop goes on."""
        self._reaction.hear_ctrl_c()
        agent = self._begin()
        try:
            agent.start()
            await come(agent.decided)
            if agent.claimed is not None:
                return self
        except BaseException as error:
            await self._finish_in_loop(agent, self._reason_to_leave(error), ending_before_start)
            raise
        raise self._refused(agent)

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        agent = self._agent
        if agent is None or self._is_forked():
            return
        seen = self._seen(self._reason_to_leave(error))
        held = await self._finish_in_loop(agent, seen, self._meaning)
        self._conclude(agent, error, seen, held)

    def _begin(self) -> Agent:
        if self._agent is not None:
            raise RuntimeError("an Attempt is used once: make another one")
        current.enter(self.run, self._reaction.forget_signals)
        try:
            self._agent = Agent(self._settings, self._reaction, self._sink, self._has_watchdog)
        except BaseException:
            self._reaction.close()
            current.leave()
            raise
        self._thread = threading.get_ident()
        return self._agent

    def _seen(self, error: Optional[BaseException]) -> Optional[BaseException]:
        """What the end of the block means: work that `check` has stopped in another thread is not done."""
        return self._stopped_elsewhere if error is None else error

    def _meaning(self, error: Optional[BaseException]) -> Ending:
        return ending_of(error, was_told=self.should_stop)

    def _reason_to_leave(self, error: Optional[BaseException]) -> Optional[BaseException]:
        """In a loop Ctrl-C cancels the task. A cancel without it comes from the program itself, as by a timeout."""
        import asyncio

        if not isinstance(error, asyncio.CancelledError):
            return error
        return KeyboardInterrupt() if self._reaction.presses > 0 else GeneratorExit()

    def _finish(
        self, agent: Agent, error: Optional[BaseException], meaning: Callable[[Optional[BaseException]], Ending]
    ) -> Optional[BaseException]:
        """Tells the end, and waits until nothing is left to do. This is one step for every signal handler.

        What one raises is held back, and returned. A Ctrl-C, or an exit, is the wish to be gone soon: the next try to
        report is the last one.
        """
        held: Optional[BaseException] = None
        wish: Optional[signal.Signals] = None
        while True:
            try:
                agent.leave(meaning(error))
                if wish is not None:
                    agent.signaled(wish.name, wish)
                    wish = None
                agent.gone.wait()
                self._close(agent)
                return held
            except BaseException as raised:
                held = raised if held is None else held
                if isinstance(raised, (KeyboardInterrupt, SystemExit)):
                    wish = signal.SIGINT if isinstance(raised, KeyboardInterrupt) else signal.SIGTERM

    async def _finish_in_loop(
        self, agent: Agent, error: Optional[BaseException], meaning: Callable[[Optional[BaseException]], Ending]
    ) -> Optional[BaseException]:
        """The same, while the event loop goes on. Here a cancel is that wish, unless it comes of a Ctrl-C."""
        held: Optional[BaseException] = None
        wish: Optional[signal.Signals] = None
        presses = self._reaction.presses
        while True:
            try:
                agent.leave(meaning(error))
                if wish is not None:
                    agent.signaled(wish.name, wish)
                    wish = None
                await come(agent.gone)
                self._close(agent)
                return held
            except GeneratorExit:  # nobody goes on with this coroutine, so it cannot wait as one
                self._finish(agent, error, meaning)
                raise
            except BaseException as raised:
                held = raised if held is None else held
                wish = signal.SIGTERM if self._reaction.presses == presses else None
                presses = self._reaction.presses

    def _conclude(
        self, agent: Agent, error: Optional[BaseException], seen: Optional[BaseException], held: Optional[BaseException]
    ) -> None:
        """Raises what the end of the block comes to, if that is not what ended it."""
        if held is not None:
            raise held
        if seen is not None and error is None:
            raise seen
        if is_success(error) and agent.left.code != 0:
            raise error_of(agent.left)

    def _refused(self, agent: Agent) -> BaseException:
        # What lets nobody start is decided when nothing is left to do.
        held = self._finish(agent, None, self._meaning)
        return refusal_of(agent.left) if held is None else held

    def _close(self, agent: Agent) -> None:
        agent.close()
        current.leave()

    def _say(self, line: str) -> None:
        if self._agent is not None:
            self._agent.say(line)

    def _is_forked(self) -> bool:
        return os.getpid() != self._pid
