"""The agent of an attempt: its heart, and all that the heart is connected to in this process."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Callable, NoReturn, Optional, Tuple

from .client import Client
from .clock import elapsed, wall_clock
from .driver import Body, Driver, Left
from .ending import Ending
from .errors import Stop
from .folder import state_folder
from .heart import request_timeout
from .heart.state import Beating
from .heart.state import Stop as Stopping
from .heart.stopping import AGENT_ERROR, PREEMPTED, SELF_FENCED, SUPERSEDED
from .heart.words import Noticed, Signaled
from .holder import holder_of
from .instance_metadata import Poll
from .log import Log
from .reaction import Reaction
from .reports import Keeper, deliver_leftovers
from .settings import Settings
from .threads import spawn
from .times import Instant
from .watchdog import Watchdog
from .wire import Progress
from .wording import in_this_process

# The exit codes of `lastbeat exec` for each reason to stop. Work that overran or stalled dies of a SIGTERM there.
_CODES = {"drain": PREEMPTED, "stop": SUPERSEDED, "superseded": SUPERSEDED, "self-fenced": SELF_FENCED}
_CODE_OF_TERM = 128 + signal.SIGTERM

# The lines that are said last are waited for that long; a reader who is there takes them at once. At the time of a kill
# there is a twentieth of that: it is a part of the smallest margin, 416 ms.
_LAST_LINES_SECONDS = 1.0
_LAST_LINES_OF_A_KILL_SECONDS = 0.05


class Agent:
    """Claims when it is started, and beats until the work has ended. It installs the handlers of the reaction."""

    def __init__(self, settings: Settings, reaction: Reaction, sink: Callable[[str], None], has_watchdog: bool) -> None:
        self.claimed: Optional[Tuple[int, int]] = None
        """The number and the fence of the attempt, once it is ours."""
        self._settings = settings
        self._reaction = reaction
        self._clock = elapsed()
        reaction.require_main_thread()
        self._log = Log(sink)
        for warning in settings.warnings:
            self.say(warning)
        holder = {**settings.facts, **holder_of(settings.host, os.environ, self.say)}
        folder = state_folder(settings.state_dir, self.say)
        if folder is not None:
            addresses, identity_file, over = settings.addresses, settings.identity_file, reaction.over
            spawn("lastbeat-leftovers", lambda: deliver_leftovers(folder, addresses, identity_file, over, self.say))
        lease = settings.claims.lease
        client = Client(
            settings.addresses, identity_file=settings.identity_file, timeout_seconds=request_timeout(lease) / 1000
        )
        self._driver = Driver(
            Body(
                client=client,
                ticket=settings.ticket,
                lease=lease,
                holder=holder,
                own=settings.own(self._clock(), wall_clock()),
                keeper=Keeper(folder, holder["id"], ",".join(settings.addresses), settings.claims.run, self.say),
                work=self,
                say=self.say,
                clock=self._clock,
                watchdog=Watchdog() if has_watchdog else None,
            )
        )
        self.decided = self._driver.decided
        """Set when it is known whether the work may start."""
        self.gone = self._driver.gone
        """Set when nothing is left to do."""
        self._stopped: Optional[Stop] = None
        self._stopped_by: Optional[Stopping] = None
        reaction.install(self.signaled, self.stop)

    def start(self) -> None:
        """Claims. From then on the end has to be told, however it comes."""
        self._driver.start()

    @property
    def left(self) -> Left:
        """How the heart has left."""
        return self._driver.left or Left(AGENT_ERROR, "the agent itself has failed")

    def say(self, line: str) -> None:
        self._log.say(in_this_process(line))

    def signaled(self, name: str, number: int) -> None:
        """A signal came. This may be called in its handler."""
        self._driver.feed(Signaled(name, number))

    def progressed(self, progress: Optional[Progress]) -> None:
        self._driver.progressed(progress)

    def stop(self) -> Stop:
        """The exception that says why the work is asked to leave. Once the work is over the last answer stays."""
        heart = self._driver.heart
        stop = heart.stop if isinstance(heart, Beating) else None
        if stop is not None and stop != self._stopped_by:
            self._stopped = Stop(_CODES.get(stop.why, _CODE_OF_TERM), stop.reason, self._instant(stop.kill_at))
            self._stopped_by = stop
        last = self._stopped or Stop(_CODE_OF_TERM, "sigterm")
        return Stop(int(last.code or 0), last.reason, last.deadline)

    def _instant(self, at: Instant) -> datetime:
        try:
            return datetime.now(timezone.utc) + timedelta(milliseconds=at - self._clock())
        except OverflowError:  # a deadline at the end of the year 9999
            return datetime.max.replace(tzinfo=timezone.utc)

    def leave(self, ending: Ending) -> None:
        """The work is over. Nothing is raised in the main thread any more, and the process is not ended any more.

        It may be repeated. The heart hears of the end first: without it, it would beat for ever.
        """
        self._driver.ended(ending.end, ending.message, None if ending.signal is None else Signaled(*ending.signal))
        self._reaction.over.set()

    def close(self) -> None:
        """Takes the handlers away, and waits a moment for the last lines."""
        self._reaction.close()
        self._log.close(_LAST_LINES_SECONDS)

    # The work in this process, as the heart sees it

    def started(self, attempt: int, fence: int) -> None:
        self.claimed = (attempt, fence)
        self.say(f"attempt {attempt} of {self._settings.claims.run} is ours, fence {fence}")
        if self._settings.metadata is not None:
            poll = Poll(self._settings.metadata, self._announced, self.say, self._reaction.over)
            spawn("lastbeat-metadata", poll.run)

    def told(self, signal: str) -> None:
        # Another signal has come to this process, so the work has it already.
        if signal == "SIGTERM":
            self.stop()  # while the heart knows it
            self._reaction.ask_to_leave()

    def is_over(self) -> bool:
        return self._reaction.over.is_set()

    def end_process(self, code: int) -> NoReturn:
        self._log.close(_LAST_LINES_OF_A_KILL_SECONDS)
        os._exit(code)

    def _announced(self, what: Noticed) -> None:
        self._driver.feed(replace(what, wall_at=wall_clock()))
