"""A heart on real time and real front doors."""

from __future__ import annotations

import queue
import random
import threading
from dataclasses import dataclass, replace
from typing import Callable, Mapping, NoReturn, Optional, Protocol, Tuple, TypeVar, Union

from .answer import Answer, Ok, Problem, Unclear
from .client import Client
from .clock import wall_clock
from .folder import DISK_SECONDS
from .heart import is_definite, new_heart, step, wake_at
from .heart.state import Beating, Heart, Reporting
from .heart.stopping import AGENT_ERROR, SELF_FENCED, self_fence_at
from .heart.words import (
    Action,
    Beat,
    Beaten,
    ChildEnd,
    Claim,
    Claimed,
    Exit,
    Exited,
    Finish,
    Input,
    Notice,
    Own,
    Progressed,
    Reported,
    Say,
    Signal,
    Signaled,
    Start,
    Wake,
)
from .reports import Keeper
from .threads import spawn
from .times import Instant, Span, format_instant, pace_of, soonest
from .watchdog import Watchdog
from .wire import FinishBody, Progress, Report

# The longest sleep. A timer stands still while the machine is suspended, so the clock is looked at often enough for
# work that should be gone already to be stopped as soon as the machine is awake.
_LONGEST_SLEEP_SECONDS = 1.0

# What is done at the time of the kill takes at most a quarter of the margin. The watchdog waits for half of it, so that
# it acts only where Python does not, and before the lease is over.
_LAST_ACTS = 1 / 4
_WATCHDOG_WAITS = 1 / 2

# What stands for a signal where a task was canceled: nobody has sent one. Its name is the reason of the interruption.
CANCELLED = "CANCELLED"

Asked = Union[Claimed, Beaten, Reported]
Reply = TypeVar("Reply")


class Work(Protocol):
    """What a heart drives."""

    def started(self, attempt: int, fence: int) -> None:
        """The attempt is ours. It is called once, and must not wait."""

    def told(self, signal: str) -> None:
        """The work gets a signal: SIGTERM asks it to leave. It must not wait."""

    def is_over(self) -> bool:
        """Whether the work has ended, although the heart may not know yet."""

    def end_process(self, code: int) -> NoReturn:
        """The work has not left in time."""


@dataclass(frozen=True)
class Left:
    """How a heart left. `problem` is the name of the problem that made it leave, if one did."""

    code: int
    why: Optional[str] = None
    report: Optional[Report] = None
    problem: Optional[str] = None


@dataclass(frozen=True)
class Body:
    """What a heart is connected to. `lease` is in milliseconds; `own` counts on `clock`."""

    client: Client
    ticket: str
    lease: Span
    holder: Mapping[str, str]
    own: Own
    keeper: Keeper
    work: Work
    say: Callable[[str], None]
    clock: Callable[[], Instant]
    watchdog: Optional[Watchdog] = None


class Driver:
    """Lets a heart beat on a daemon thread until it leaves."""

    def __init__(self, body: Body) -> None:
        self.heart: Heart = new_heart(body.lease, body.clock(), body.own)
        self.left: Optional[Left] = None
        # Set when the heart has left, and when it is known whether the work may start.
        self.gone = threading.Event()
        self.decided = threading.Event()
        self._body = body
        self._inbox: queue.SimpleQueue[Tuple[Input, str]] = queue.SimpleQueue()
        self._progress: Optional[Tuple[Optional[Progress]]] = None
        self._message: Optional[str] = None
        self._report: Optional[Report] = None
        self._problem: Optional[str] = None
        self._said = ""
        self._armed_for: Optional[Instant] = None
        # A signal that the heart has to hear of before the end of the work, and whether it has heard of that.
        self._ended_by: Optional[Signaled] = None
        self._has_ended = False
        # Who is first of the two: the heart that begins to live, or somebody who gives its start up.
        self._birth = threading.Lock()
        self._lives = False
        self._is_given_up = False

    def start(self) -> None:
        """If a signal handler raises meanwhile, the heart lives, or never will: then nothing is left to do."""
        try:
            threading.Thread(target=self._live, name="lastbeat-heart", daemon=True).start()
        except BaseException:
            with self._birth:
                self._is_given_up = not self._lives
            if self._is_given_up:
                self._let_go()
            raise

    def feed(self, given: Input) -> None:
        """Tells the heart what has happened. From any thread, and from a signal handler."""
        self._inbox.put((given, ""))

    def progressed(self, progress: Optional[Progress]) -> None:
        """The newest progress. It wakes nobody: the heart takes it with its next look, a second later at most."""
        self._progress = (progress,)

    def ended(self, end: ChildEnd, message: Optional[str], by: Optional[Signaled] = None) -> None:
        """The work is over, by a signal if there is one. The message goes into the report of a failure.

        It may be repeated, by one who was interrupted and does not know how far they came.
        """
        self._message = message
        self._ended_by = by
        self.feed(Exited(end))

    def _live(self) -> None:
        with self._birth:
            if self._is_given_up:
                return
            self._lives = True
        try:
            self._beat()
        except BaseException as error:
            self._fail(error)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        if self._body.watchdog is not None:
            self._body.watchdog.close()
        self.decided.set()
        self.gone.set()

    def _beat(self) -> None:
        given: Input = Wake()
        name = ""
        while True:
            self._take(given, name)
            if self.left is not None:
                return
            self._arm()
            given, name = self._next()

    def _next(self) -> Tuple[Input, str]:
        wake = wake_at(self.heart)
        wait = _LONGEST_SLEEP_SECONDS
        if wake is not None:
            wait = min(wait, max(0, wake - self._body.clock()) / 1000)
        try:
            return self._inbox.get(timeout=wait)
        except queue.Empty:
            progress, self._progress = self._progress, None
            if progress is not None:
                self._take(Progressed(progress[0]), "")
            return Wake(), ""

    def _take(self, given: Input, name: str) -> None:
        if isinstance(given, Exited):
            if self._has_ended:
                return
            self._has_ended = True
            if self._ended_by is not None:
                self._take(self._ended_by, "")
                if self.left is not None:
                    return
        answer = given.answer if isinstance(given, (Claimed, Beaten, Reported)) else None
        if answer is not None:
            self._problem = answer.name if isinstance(answer, Problem) else None
        # Not a secret, but dice.
        self.heart, actions = step(self.heart, given, self._body.clock(), random.random())  # noqa: S311
        for action in actions:
            self._perform(action)
        if answer is not None and not any(isinstance(one, (Say, Exit)) for one in actions):
            self._say_news(name, answer)

    def _perform(self, action: Action) -> None:
        body = self._body
        if isinstance(action, Claim):
            self._ask("claim", lambda: body.client.claim(body.ticket, body.holder), Claimed)
        elif isinstance(action, Beat):
            beat = action
            self._ask(
                "beat",
                lambda: body.client.beat(beat.token, beat.progress),
                lambda sent_at, answer: Beaten(sent_at, answer, wall_clock()),
            )
        elif isinstance(action, Finish):
            token, report = action.token, self._told_why(action.report)
            is_first, self._report = self._report is None, report
            self._ask("finish", lambda: self._finish(token, report, is_first), lambda _, answer: Reported(answer))
        elif isinstance(action, Notice):
            notice = action
            spawn("lastbeat-notice", lambda: self._tell(notice))
        elif isinstance(action, Start):
            body.work.started(action.attempt, action.fence)
            self._arm()  # before the work begins: it may hold the GIL from its first instruction
            self.decided.set()
        elif isinstance(action, Signal):
            self._pass_on(action.signal)
        elif isinstance(action, Say):
            body.say(action.line)
        else:
            if action.why is not None:
                body.say(action.why)
            self.left = Left(action.code, action.why, self._report, self._problem)

    def _told_why(self, report: Report) -> Report:
        """A failure says what the work said last. The heart does not need to know."""
        if report.signal == CANCELLED:
            return replace(report, signal=None)
        if report.outcome != "failed" or self._message is None:
            return report
        return replace(report, message=self._message)

    def _ask(
        self, name: str, call: Callable[[], Answer[Reply]], heard: Callable[[Instant, Answer[Reply]], Asked]
    ) -> None:
        """Asks on a thread of its own, and feeds the heart with the answer."""
        sent_at = self._body.clock()

        def run() -> None:
            answer: Answer[Reply]
            try:
                answer = call()
            except Exception as error:  # a mistake in here must not look like a request that is still out
                answer = Unclear(f"{type(error).__name__}: {error}")
            self._inbox.put((heard(sent_at, answer), name))

        if not spawn(f"lastbeat-{name}", run):
            self._inbox.put((heard(sent_at, Unclear("this process cannot start a thread now")), name))

    def _finish(self, token: str, report: Report, is_first: bool) -> Answer[FinishBody]:
        if is_first:
            self._body.keeper.keep(token, report, DISK_SECONDS)
        answer = self._body.client.finish(token, report)
        if is_definite(answer):
            self._body.keeper.forget()
        return answer

    def _tell(self, notice: Notice) -> None:
        """Sent and forgotten: the beats and the report do without it."""
        at = notice.at or format_instant(wall_clock())
        answer = self._body.client.notice(notice.token, notice.kind, at, notice.deadline)
        if not isinstance(answer, Ok):
            self._body.say(f"notice {notice.kind}: {_reason_of(answer)}")

    def _say_news(self, name: str, answer: Answer[object]) -> None:
        """Says what a request came to. A gate is asked every second, so the same answer is said once."""
        if isinstance(answer, Ok):
            return
        line = f"{name}: {_reason_of(answer)}; it is tried again"
        if line != self._said:
            self._body.say(line)
        self._said = line

    def _pass_on(self, signal: str) -> None:
        if signal != "SIGKILL":
            self._body.work.told(signal)
        elif not self._body.work.is_over():
            self._cut_off()

    def _cut_off(self) -> NoReturn:
        """Ends this process. Its report stays on disk, and goes out with the next agent on this machine.

        It is not sent before: once it is answered another attempt may start, and until then this process still works.
        """
        killed = Exited(ChildEnd(status=137, signal="SIGKILL"))
        self.heart, actions = step(self.heart, killed, self._body.clock(), 0)
        code = self.heart.code if isinstance(self.heart, Reporting) else SELF_FENCED
        seconds = pace_of(self._body.lease).margin * _LAST_ACTS / 1000
        for action in actions:
            if isinstance(action, Finish):
                self._body.keeper.keep(action.token, action.report, seconds)
            elif isinstance(action, Exit):
                code = action.code
        self._body.work.end_process(code)

    def _fail(self, error: BaseException) -> None:
        """A mistake in this package, or no memory. Nobody beats any more, so the lease is kept by ending in time."""
        self._body.say(f"the agent itself has failed: {type(error).__name__}: {error}")
        self._body.work.told("SIGTERM")
        at = _gone_by(self.heart)
        if at is not None and not self._body.work.is_over():
            threading.Event().wait(min(max(0, at - self._body.clock()) / 1000, threading.TIMEOUT_MAX))
            if not self._body.work.is_over():
                self._body.work.end_process(AGENT_ERROR)
        self.left = Left(AGENT_ERROR, "the agent itself has failed")

    def _arm(self) -> None:
        """Keeps the watchdog behind the time at which this process has to be gone."""
        if self._body.watchdog is None:
            return
        at = _gone_by(self.heart)
        if at == self._armed_for:
            return
        self._armed_for = at
        if at is None:
            self._body.watchdog.disarm()
        else:
            waits = pace_of(self._body.lease).margin * _WATCHDOG_WAITS
            self._body.watchdog.arm((at + waits - self._body.clock()) / 1000)


def _gone_by(heart: Heart) -> Optional[Instant]:
    """When work that is under way has to be gone at the latest."""
    if not isinstance(heart, Beating):
        return None
    fenced = None if heart.fence_from is None else self_fence_at(heart.fence_from, heart.lease).kill_at
    return soonest(fenced, None if heart.stop is None else heart.stop.kill_at)


def _reason_of(answer: Union[Problem, Unclear]) -> str:
    return f"{answer.name}, {answer.detail}" if isinstance(answer, Problem) else answer.detail
