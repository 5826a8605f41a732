"""The end of a block is told to the service, whatever comes in between."""

from __future__ import annotations

import time
from typing import List

import pytest
from conftest import Run
from door import FINISHED, Asked, Door, Reply, replies, ticket_of
from processes import Server, until

import lastbeat


def _finishes(door: Door) -> List[object]:
    return [one.body for one in list(door.asked) if one.path.endswith("finish")]


def _away(door: Door, times: int, seconds: float = 0) -> None:
    """A front door that fails so many reports, each after so many seconds, before it takes one."""
    ok = replies()

    def answer(asked: Asked) -> Reply:
        if not asked.path.endswith("finish"):
            return ok(asked)
        if len(_finishes(door)) > times:
            return FINISHED
        time.sleep(seconds)
        return 502, {}

    door.answer = answer


def test_work_that_is_stopped_in_a_thread_of_its_own_is_no_success(server: Server, run: Run) -> None:
    work = run(
        """
        def write():
            while True:
                time.sleep(0.01)
                attempt.check()
        with lastbeat.Attempt(host="i-0thread") as attempt:
            thread = threading.Thread(target=write)
            thread.start()
            print("ready")
            thread.join()
        print("it goes on")
        """,
        server.register("stopped-in-a-thread", leaseSeconds=5),
    )
    work.line("ready")
    server.client.drain("i-0thread", reason="maintenance")
    assert work.left() == 82
    assert "it goes on" not in work.said
    (attempt,) = server.record("stopped-in-a-thread")["attempts"]
    assert (attempt["cause"], attempt["reason"]) == ("interrupted", "maintenance")


@pytest.mark.parametrize("raised", ["TimeoutError", "SystemExit"])
def test_what_a_signal_handler_raises_while_the_attempt_is_claimed_leaves_no_heart_behind(
    door: Door, run: Run, raised: str
) -> None:
    ok = replies()

    def answer(asked: Asked) -> Reply:
        if asked.path.endswith("claim"):
            print_at.append(time.monotonic())
            time.sleep(1)
        return ok(asked)

    print_at: List[float] = []
    door.answer = answer
    work = run(
        f"""
        def raises(number, frame):
            raise {raised}()
        signal.signal(signal.SIGUSR1, raises)
        try:
            with lastbeat.Attempt():
                print("it works")
        except {raised}:
            print("raised", [one.name for one in threading.enumerate() if one.name == "lastbeat-heart"])
        """,
        ticket_of(),
        url=door.url,
    )
    until(lambda: print_at)
    work.send(10)
    assert work.left() == 0
    work.line(r"^raised \[\]$")
    assert "it works" not in work.said
    assert _finishes(door) == [{"outcome": "interrupted", "reason": "sigterm"}]


def test_what_a_signal_handler_raises_while_a_success_is_reported_waits_for_the_report(door: Door, run: Run) -> None:
    _away(door, 2)
    work = run(
        """
        def raises(number, frame):
            raise TimeoutError("of the user's")
        signal.signal(signal.SIGUSR1, raises)
        try:
            with lastbeat.Attempt():
                pass
        except TimeoutError as error:
            print("raised", error)
        """,
        ticket_of(),
        url=door.url,
    )
    until(lambda: _finishes(door))
    work.send(10)
    assert work.left() == 0
    work.line("raised of the user's")
    assert _finishes(door) == [{"outcome": "succeeded", "exitCode": 0}] * 3


def test_an_interrupt_while_the_end_is_made_ready_does_not_lose_it(door: Door, run: Run) -> None:
    door.answer = replies()
    work = run(
        """
        class Code:
            def __str__(self):
                raise KeyboardInterrupt
        try:
            with lastbeat.Attempt():
                sys.exit(Code())
        except SystemExit:
            print("left")
        """,
        ticket_of(),
        url=door.url,
    )
    assert work.left() == 0
    work.line("left")
    assert _finishes(door) == [{"outcome": "failed", "exitCode": 1, "message": "Code"}]


def test_a_success_that_does_not_count_does_not_leave_with_0(server: Server) -> None:
    attempt = lastbeat.Attempt(server.register("late-exit", leaseSeconds=5), server.url)
    with pytest.raises(lastbeat.LastbeatError, match=r"the success does not count|came too late"), attempt:
        server.client.cancel("late-exit")
        until(lambda: attempt.should_stop)
        raise SystemExit(0)


def test_the_reason_stays_when_the_block_is_over(server: Server) -> None:
    attempt = lastbeat.Attempt(server.register("reason-stays", leaseSeconds=5), server.url)
    with pytest.raises(lastbeat.Stop), attempt:
        server.client.cancel("reason-stays", reason="a mistake")
        until(lambda: attempt.should_stop)
        deadline = attempt.deadline
        attempt.check()
    assert attempt.reason == "a mistake"
    assert attempt.deadline == deadline is not None


def test_a_generator_that_is_closed_is_an_interruption(door: Door) -> None:
    from typing import Iterator

    door.answer = replies()

    def batches() -> Iterator[int]:
        with lastbeat.Attempt(ticket_of(), door.url):
            yield 1

    working = batches()
    next(working)
    working.close()  # type: ignore[attr-defined]
    assert _finishes(door) == [{"outcome": "interrupted", "reason": "cancelled"}]


def test_a_deadline_at_the_end_of_the_calendar_is_one(door: Door) -> None:
    drain = {"directive": "drain", "reason": "a drain", "deadline": "9999-12-31T23:59:59.999Z", "nextBeatSeconds": 0.1}
    door.answer = replies(beat=(200, drain))
    with pytest.raises(lastbeat.Stop) as stopped, lastbeat.Attempt(ticket_of(), door.url) as attempt:
        until(lambda: attempt.should_stop)
        attempt.check()
    assert stopped.value.reason == "a drain"
    assert stopped.value.deadline is not None
    assert stopped.value.deadline.year == 9999


# In an event loop


def test_a_timeout_of_the_program_is_no_ctrl_c(door: Door, run: Run) -> None:
    door.answer = replies()
    work = run(
        """
        import asyncio
        async def work():
            async with lastbeat.Attempt(on_interrupt="cancel"):
                await asyncio.sleep(600)
        async def main():
            try:
                await asyncio.wait_for(work(), 1)
            except asyncio.TimeoutError:
                print("timed out")
        asyncio.run(main())
        """,
        ticket_of(),
        url=door.url,
    )
    assert work.left() == 0
    work.line("timed out")
    assert _finishes(door) == [{"outcome": "interrupted", "reason": "cancelled"}]


def test_ctrl_c_in_a_loop_cancels_the_run_if_its_user_wants_that(door: Door, run: Run) -> None:
    door.answer = replies()
    work = run(
        """
        import asyncio
        async def main():
            async with lastbeat.Attempt(on_interrupt="cancel"):
                print("ready")
                await asyncio.sleep(600)
        asyncio.run(main())
        """,
        ticket_of(),
        url=door.url,
    )
    work.line("ready")
    work.send(2)
    assert work.left() == -2
    assert _finishes(door) == [{"outcome": "canceled", "reason": "sigint", "signal": "SIGINT"}]


def test_ctrl_c_in_a_loop_hurries_the_report(door: Door, run: Run) -> None:
    _away(door, 1000)
    work = run(
        """
        import asyncio
        async def main():
            async with lastbeat.Attempt():
                pass
        asyncio.run(main())
        """,
        ticket_of(),
        url=door.url,
    )
    work.line("finish: .*502")
    work.send(2)
    pressed = time.monotonic()
    assert work.left() != 0
    assert time.monotonic() - pressed < 10
    work.line("the end could not be reported")


def test_a_full_executor_does_not_keep_the_block_from_its_begin_and_its_end(door: Door, run: Run) -> None:
    door.answer = replies()
    work = run(
        """
        import asyncio, concurrent.futures
        async def main():
            free = threading.Event()
            loop = asyncio.get_running_loop()
            loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(1))
            taken = loop.run_in_executor(None, free.wait)
            async with lastbeat.Attempt():
                print("in the block")
            print("after it")
            free.set()
            await taken
        asyncio.run(main())
        """,
        ticket_of(),
        url=door.url,
    )
    assert work.left() == 0
    work.line("after it")


def test_a_second_cancel_of_the_begin_leaves_the_process_free_for_another_attempt(door: Door, run: Run) -> None:
    ok = replies()
    asked_at: List[float] = []

    def answer(asked: Asked) -> Reply:
        if asked.path.endswith("claim") and not asked_at:
            asked_at.append(time.monotonic())
            time.sleep(1)
        return ok(asked)

    door.answer = answer
    work = run(
        """
        import asyncio
        async def work():
            async with lastbeat.Attempt():
                return "worked"
        async def main():
            first = asyncio.ensure_future(work())
            for _ in range(2):
                await asyncio.sleep(0.3)
                first.cancel()
            try:
                await first
            except asyncio.CancelledError:
                print("canceled")
            print(await work())
        asyncio.run(main())
        """,
        ticket_of(),
        url=door.url,
    )
    assert work.left() == 0
    work.line("canceled")
    work.line("worked")


# In a forked child


def test_a_child_of_a_forked_child_is_forked_and_the_one_of_another_thread_too(door: Door, run: Run) -> None:
    door.answer = replies()
    work = run(
        """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        def fork(then):
            child = os.fork()
            if child == 0:
                then()
                os._exit(0)
            os.waitpid(child, 0)
        with lastbeat.Attempt():
            threads = [threading.Thread(target=fork, args=(lambda: fork(lambda: print("grandchild")),)) for _ in "12"]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
        """,
        ticket_of(),
        url=door.url,
    )
    assert work.left() == 0
    assert work.lines.count("grandchild") == 2


def test_the_watchdog_of_an_earlier_attempt_does_not_take_away_that_of_the_next() -> None:
    from lastbeat import watchdog

    earlier = watchdog.Watchdog()
    later = watchdog.Watchdog()
    earlier.close()
    assert watchdog._current is later
    later.arm(1e12)
    later.close()
    assert watchdog._current is None
