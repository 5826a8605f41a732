"""A heart on real time, where this package itself or its system fails."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator, List, NoReturn

import pytest
from door import BEATEN, CLAIMED, Door, problem, replies, ticket_of
from processes import until

from lastbeat import Client, Progress, Report, driver, threads
from lastbeat.driver import Body, Driver, Left
from lastbeat.heart.words import ChildEnd, Own, Signaled
from lastbeat.reports import Keeper
from lastbeat.times import Instant, Span


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> Instant:
        return Instant(self.now)


class Work:
    """Work that only remembers what it was told."""

    def __init__(self) -> None:
        self.said: List[Any] = []
        self.ended: List[int] = []
        self.over = False

    def started(self, attempt: int, fence: int) -> None:
        self.said.append(("started", attempt, fence))

    def told(self, signal: str) -> None:
        self.said.append(signal)

    def is_over(self) -> bool:
        return self.over

    def end_process(self, code: int) -> NoReturn:
        self.ended.append(code)
        while True:
            threading.Event().wait()  # nothing comes after it, as after the end of a process


class Living:
    """A driver, what it is connected to, and the thread that it runs on."""

    def __init__(self, door: Door, folder: Path) -> None:
        self.clock, self.work, self.lines = Clock(), Work(), list[str]()
        self.folder = folder
        client = Client(door.url, timeout_seconds=2)
        self.body = Body(
            client=client,
            ticket=ticket_of(lease_ms=120_000),
            lease=Span(120_000),
            holder={"id": "f" * 32},
            own=Own(report_for=Span(0)),
            keeper=Keeper(folder, "an-id", door.url, "a-run", self.lines.append),
            work=self.work,
            say=self.lines.append,
            clock=self.clock,
        )

    def start(self, **changes: Any) -> Driver:
        self.driver = Driver(replace(self.body, **changes))
        self.driver.start()
        return self.driver


@pytest.fixture
def living(door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Living]:
    monkeypatch.setattr(driver, "_LONGEST_SLEEP_SECONDS", 0.01)  # the clock of these tests jumps
    living = Living(door, tmp_path)
    yield living
    if not living.driver.gone.is_set() and not living.work.ended:
        living.driver.ended(ChildEnd(0, 0), None)
        assert living.driver.gone.wait(10)


def test_a_life_from_the_claim_to_the_report(door: Door, living: Living) -> None:
    door.answer = replies(beat=(200, {**BEATEN[1], "nextBeatSeconds": 30}))
    alive = living.start()
    assert alive.decided.wait(10)
    alive.progressed(Progress(3))
    living.clock.now = 30_000
    until(lambda: "beat" in door.names())
    alive.ended(ChildEnd(3, 3), "the last lines")
    assert alive.gone.wait(10)
    assert alive.left == Left(3, None, Report("failed", exit_code=3, message="the last lines"), None)
    assert [one.body for one in door.asked] == [
        {"holder": {"id": "f" * 32}},
        {"progress": {"value": 3}},
        {"outcome": "failed", "exitCode": 3, "message": "the last lines"},
    ]
    assert living.work.said == [("started", 1, 7)]


def test_the_report_is_on_disk_before_the_process_ends_and_is_not_sent(door: Door, living: Living) -> None:
    door.answer = replies(beat=(200, {**BEATEN[1], "directive": "stop", "reason": "canceled"}))
    alive = living.start()
    assert alive.decided.wait(10)
    living.clock.now = 30_000
    until(lambda: "SIGTERM" in living.work.said)
    living.clock.now = 60_000
    until(lambda: living.work.ended == [81])
    assert "finish" not in door.names()
    assert '"reason": "canceled"' in (living.folder / "an-id.report.json").read_text()


def test_work_that_has_ended_in_time_is_not_killed(door: Door, living: Living) -> None:
    door.answer = replies(beat=problem("superseded", 409))
    alive = living.start()
    assert alive.decided.wait(10)
    living.clock.now = 30_000
    until(lambda: "SIGTERM" in living.work.said)
    living.work.over = True
    living.clock.now = 60_000
    until(lambda: any("has not left in time" in line for line in living.lines))
    alive.ended(ChildEnd(143, signal="SIGTERM"), None)
    assert alive.gone.wait(10)
    assert living.work.ended == []
    assert alive.left == Left(81, "stopped: superseded", None, "superseded")


def test_a_mistake_in_here_ends_the_process_at_the_time_of_the_fence(
    door: Door, living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.answer = replies()
    alive = living.start()
    assert alive.decided.wait(10)
    living.clock.now = 115_000  # the very time of the kill

    def fail(*_: object) -> NoReturn:
        raise MemoryError("nothing is left")

    monkeypatch.setattr(driver, "step", fail)
    until(lambda: living.work.ended == [125])
    assert living.work.said[-1] == "SIGTERM"
    assert "the agent itself has failed: MemoryError: nothing is left" in living.lines


def test_a_mistake_while_the_work_leaves_ends_the_process_at_the_end_of_its_grace(
    door: Door, living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.answer = replies(beat=(200, {**BEATEN[1], "directive": "stop"}))
    alive = living.start()
    assert alive.decided.wait(10)
    living.clock.now = 30_000
    until(lambda: "SIGTERM" in living.work.said)
    living.clock.now = 49_999  # the grace of 20 s ends a millisecond later
    monkeypatch.setattr(driver, "wake_at", None)
    until(lambda: living.work.ended == [125])


def test_a_mistake_before_the_start_lets_nobody_wait(
    door: Door, living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "step", None)
    alive = living.start()
    assert alive.decided.wait(10)
    assert alive.gone.wait(10)
    assert alive.left == Left(125, "the agent itself has failed")
    assert living.work.ended == []


def test_without_threads_a_request_has_failed_and_is_made_again(
    door: Door, living: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.answer = replies()
    failures = [False, False]
    monkeypatch.setattr(driver, "spawn", lambda name, run: failures.pop() if failures else threads.spawn(name, run))
    alive = living.start()
    for second in range(1, 30):
        living.clock.now = second * 1000
        if alive.decided.wait(0.1):
            break
    assert alive.decided.wait(10)
    assert "claim: this process cannot start a thread now; it is tried again" in living.lines


def test_an_answer_that_surprises_us_is_unclear(door: Door, living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    door.answer = replies(claim=(200, {**CLAIMED[1], "token": "not one of ours"}))
    alive = living.start()
    assert alive.decided.wait(10)
    living.clock.now = 30_000
    until(lambda: any(line.startswith("beat: NotLastbeats: ") for line in living.lines))
    living.clock.now = 110_000
    alive.ended(ChildEnd(0, 0), None)
    until(lambda: any("finish" in line for line in living.lines))
    for _ in range(2):
        alive.feed(Signaled("SIGTERM", 15))
    assert alive.gone.wait(10)


def test_a_report_that_is_sent_again_stays_on_disk(door: Door, living: Living) -> None:
    door.answer = replies(finish=problem("unauthorized", 401))
    alive = living.start()
    assert alive.decided.wait(10)
    alive.ended(ChildEnd(3, 3), None)
    until(lambda: any(line.startswith("finish: unauthorized") for line in living.lines))
    for _ in range(2):
        alive.feed(Signaled("SIGTERM", 15))
    assert alive.gone.wait(10)
    assert (living.folder / "an-id.report.json").exists()


def test_a_notice_that_is_refused_is_said(door: Door, living: Living) -> None:
    door.answer = replies(notice=problem("invalid", 422, "at: is no instant"))
    alive = living.start()
    assert alive.decided.wait(10)
    alive.feed(Signaled("SIGTERM", 15))
    until(lambda: "notice sigterm: invalid, at: is no instant" in living.lines)
    assert threading.active_count() < 20
