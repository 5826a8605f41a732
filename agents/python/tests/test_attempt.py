"""Attempts in real processes, against the embedded server."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from conftest import Run
from processes import Server, kept_in, until

import lastbeat


def test_a_block_that_ends_has_succeeded(server: Server, run: Run) -> None:
    ticket = server.register("block-ends")
    work = run(
        """
        with lastbeat.Attempt() as attempt:
            print(attempt.run, attempt.number, attempt.fence, attempt.should_stop, attempt.reason)
        """,
        ticket,
    )
    assert work.left() == 0
    record = server.record("block-ends")
    assert record["outcome"] == "succeeded"
    assert work.line(r"^block-ends 1 (\d+) False None$").group(1) == str(record["attempts"][0]["fence"])
    assert ticket not in work.said


def test_an_exception_is_a_failure_with_its_last_lines_and_no_exit_code(server: Server, run: Run) -> None:
    work = run(
        """
        with lastbeat.Attempt():
            raise ValueError("x" * 9000 + " is no number")
        """,
        server.register("block-raises"),
    )
    assert work.left() == 1
    (attempt,) = server.record("block-raises")["attempts"]
    assert attempt["cause"] == "crashed"
    assert attempt["message"].endswith("is no number")
    assert len(attempt["message"]) > 4000
    assert "exitCode" not in attempt
    assert "signal" not in attempt


@pytest.mark.parametrize(
    ("code", "outcome", "facts"),
    [
        ("0", "succeeded", {"exitCode": 0}),
        ("None", "succeeded", {"exitCode": 0}),
        ("3", "failed", {"exitCode": 3}),
        ("'it is full'", "failed", {"exitCode": 1, "message": "it is full"}),
    ],
)
def test_an_exit_has_its_code(server: Server, run: Run, code: str, outcome: str, facts: dict[str, object]) -> None:
    name = f"exit-{code.strip(chr(39)).replace(' ', '-')}"
    work = run(f"with lastbeat.Attempt():\n    sys.exit({code})", server.register(name))
    work.left()
    record = server.record(name)
    assert record["outcome"] == outcome
    assert facts.items() <= record["attempts"][0].items()


def test_a_canceled_run_tells_its_work_to_leave(server: Server, run: Run) -> None:
    work = run(
        """
        def told(reason, deadline):
            print("told", reason, deadline.tzinfo)
        with lastbeat.Attempt(on_stop=told) as attempt:
            print("ready")
            attempt.stopping.wait()
            print("until", attempt.reason, attempt.deadline is not None)
            attempt.check()
        """,
        server.register("canceled", leaseSeconds=5),
    )
    work.line("ready")
    server.client.cancel("canceled", reason="a mistake")
    assert work.left() == 81
    work.line(r"^told a mistake UTC$")
    work.line(r"^until a mistake True$")
    work.line(r"the run is stopped \(a mistake\): the work is asked to leave, and this process ends in 1 s")
    assert server.record_when("canceled", lambda it: it["state"] == "ended")["outcome"] == "canceled"


def test_a_drain_is_an_interruption(server: Server, run: Run) -> None:
    work = run(
        """
        with lastbeat.Attempt(host="i-0drained") as attempt:
            print("ready")
            attempt.stopping.wait()
            attempt.check()
        """,
        server.register("drained", leaseSeconds=5),
    )
    work.line("ready")
    server.client.drain("i-0drained", deadline_seconds=60, reason="maintenance")
    assert work.left() == 82
    (attempt,) = server.record("drained")["attempts"]
    assert attempt["cause"] == "interrupted"
    assert attempt["reason"] == "maintenance"


def test_a_sigterm_is_told_to_the_work_and_to_the_service(server: Server, run: Run) -> None:
    work = run(
        """
        signal.signal(signal.SIGTERM, lambda number, frame: print("the handler from before"))
        with lastbeat.Attempt(handle_signals=True) as attempt:
            print("ready")
            attempt.stopping.wait()
            print("told", attempt.reason, attempt.deadline)
            while True:
                attempt.check()
        """,
        server.register("terminated"),
    )
    work.line("ready")
    work.send(15)
    assert work.left() == 143
    work.line("the handler from before")
    work.line("told sigterm None")
    record = server.record("terminated")
    assert record["attempts"][0]["cause"] == "interrupted"
    assert record["attempts"][0]["reason"] == "sigterm"


@pytest.mark.parametrize(("on_term", "code"), [("interrupt", 130), ("exit", 82)])
def test_work_that_only_sleeps_is_woken_to_leave(server: Server, run: Run, on_term: str, code: int) -> None:
    name = f"woken-{on_term}"
    work = run(
        f"""
        try:
            with lastbeat.Attempt(host="i-0{on_term}", on_term="{on_term}") as attempt:
                print("ready")
                time.sleep(600)
        except KeyboardInterrupt:
            print("interrupted")
            sys.exit(130)
        finally:
            print("cleaned up")
        """,
        server.register(name, leaseSeconds=5),
    )
    work.line("ready")
    server.client.drain(f"i-0{on_term}")
    assert work.left() == code
    work.line("cleaned up")
    assert server.record(name)["attempts"][0]["cause"] == "interrupted"


def test_ctrl_c_is_an_interruption(server: Server, run: Run) -> None:
    work = run(
        """
        with lastbeat.Attempt() as attempt:
            print("ready")
            time.sleep(600)
        """,
        server.register("ctrl-c"),
    )
    work.line("ready")
    work.send(2)
    assert work.left() == -2
    (attempt,) = server.record("ctrl-c")["attempts"]
    assert (attempt["cause"], attempt["reason"], attempt["signal"]) == ("interrupted", "sigint", "SIGINT")


def test_ctrl_c_cancels_the_run_if_its_user_wants_that(server: Server, run: Run) -> None:
    work = run(
        """
        with lastbeat.Attempt(on_interrupt="cancel") as attempt:
            print("ready")
            time.sleep(600)
        """,
        server.register("ctrl-c-cancels"),
    )
    work.line("ready")
    work.send(2)
    assert work.left() == -2
    assert server.record("ctrl-c-cancels")["outcome"] == "canceled"


def test_a_second_process_with_the_same_ticket_is_refused(server: Server, run: Run) -> None:
    ticket = server.register("twins")
    first = run(
        """
        with lastbeat.Attempt(handle_signals=True) as attempt:
            print("ready")
            attempt.stopping.wait()
        """,
        ticket,
    )
    first.line("ready")
    second = run(
        """
        try:
            with lastbeat.Attempt():
                print("it works")
        except lastbeat.NotOurs as error:
            print("refused:", error)
        """,
        ticket,
    )
    assert second.left() == 0
    second.line(r"refused: not started: held-by-another, ")
    assert "it works" not in second.said
    first.send(15)
    assert first.left() == 0
    with pytest.raises(lastbeat.Ended, match="not started: ended"), lastbeat.Attempt(ticket, server.url):
        pytest.fail("the run has ended")


def test_progress_comes_with_the_beats(server: Server, run: Run) -> None:
    work = run(
        """
        with lastbeat.Attempt() as attempt:
            attempt.progress(float("nan"))
            attempt.progress(3, of=10, note="epoch 3")
            print("ready")
            time.sleep(600)
        """,
        server.register("progress", leaseSeconds=5),
    )
    work.line("ready")
    record = server.record_when("progress", lambda it: "progress" in it)
    assert record["progress"] == {"value": 3, "of": 10, "note": "epoch 3"}
    work.line("a progress of nan is left out")


def test_work_without_progress_is_stalled(server: Server, run: Run) -> None:
    work = run(
        """
        with lastbeat.Attempt(stall_seconds=1, on_term="exit") as attempt:
            print("ready")
            time.sleep(600)
        """,
        server.register("stalled", leaseSeconds=5),
    )
    assert work.left() == 143
    (attempt,) = server.record("stalled")["attempts"]
    assert (attempt["cause"], attempt["reason"]) == ("stalled", "stalled")


def test_a_process_that_is_killed_is_lost_after_its_lease(server: Server, run: Run) -> None:
    work = run(
        "with lastbeat.Attempt():\n    print('ready')\n    time.sleep(600)",
        server.register("killed", leaseSeconds=5, backoff={"baseSeconds": 0}),
    )
    work.line("ready")
    work.send(9)
    work.left()
    record = server.record_when("killed", lambda it: it["state"] == "queued")
    assert record["attempts"][0]["cause"] == "lost"


def test_two_hundred_attempts_in_a_row_leave_no_thread_and_no_descriptor(server: Server, run: Run) -> None:
    tickets = ",".join(server.register(f"row-{index}") for index in range(201))
    work = run(
        """
        tickets = sys.argv[1] if len(sys.argv) > 1 else os.environ["TICKETS"]
        def count():
            return threading.active_count(), len(os.listdir("/proc/self/fd"))
        for index, ticket in enumerate(tickets.split(",")):
            with lastbeat.Attempt(ticket):
                pass
            if index == 0:
                first = count()
        end = time.monotonic() + 10
        while count() > first and time.monotonic() < end:
            time.sleep(0.05)
        print("left", first, count())
        """,
        "",
        TICKETS=tickets,
    )
    assert work.left(120) == 0
    first, last = work.line(r"left (\(\d+, \d+\)) (\(\d+, \d+\))").groups()
    assert first == last
    assert server.record("row-200")["outcome"] == "succeeded"


def test_one_attempt_at_a_time(server: Server) -> None:
    with lastbeat.Attempt(server.register("one"), server.url) as attempt:
        with pytest.raises(RuntimeError, match="an attempt at one is under way"):
            lastbeat.Attempt(server.register("two"), server.url).__enter__()
        assert attempt.environment()["LASTBEAT_FENCE"] == str(attempt.fence)
    with pytest.raises(RuntimeError, match="used once"):
        attempt.__enter__()
    assert server.record("two")["state"] == "queued"


def test_a_success_that_came_too_late_is_said(server: Server) -> None:
    attempt = lastbeat.Attempt(server.register("late", leaseSeconds=5), server.url)
    with pytest.raises(lastbeat.LastbeatError, match=r"the success does not count|came too late"), attempt:
        server.client.cancel("late")
        until(lambda: attempt.should_stop)


def test_a_report_is_kept_until_it_is_answered_and_the_next_agent_delivers_it(
    server: Server, run: Run, tmp_path: Path
) -> None:
    ticket = server.register("undelivered")
    from door import Asked, Door, Reply

    door = Door()

    def only_claims(asked: Asked) -> Reply:
        if not asked.path.endswith("/claim"):
            return 502, {"message": "Bad Gateway"}
        answer = server.client.claim(ticket, asked.body["holder"])
        assert isinstance(answer, lastbeat.Ok)
        body = answer.body
        return 200, {
            "attempt": body.attempt,
            "fence": body.fence,
            "token": body.token,
            "nextBeatSeconds": body.next_beat_seconds,
            "directive": body.directive,
        }

    door.answer = only_claims
    work = run(
        "with lastbeat.Attempt():\n    raise SystemExit(3)", ticket, url=f"{door.url},http://127.0.0.1:1,{server.url}"
    )
    work.line("finish: .*status 502")
    until(lambda: len(kept_in(tmp_path)) == 1)
    work.send(9)
    work.left()
    door.stop()
    (kept,) = kept_in(tmp_path)
    assert kept["report"] == {"outcome": "failed", "exitCode": 3}
    assert server.record("undelivered")["state"] == "running"
    with lastbeat.Attempt(server.register("deliverer"), server.url):
        until(lambda: server.record("undelivered")["state"] == "ended")
        until(lambda: kept_in(tmp_path) == [])
    assert server.record("undelivered")["attempts"][0]["exitCode"] == 3


def test_a_server_that_is_not_there_yet_is_waited_for(server: Server, run: Run) -> None:
    ticket = server.register("early")
    work = run("with lastbeat.Attempt():\n    print('it works')", ticket, url=f"http://127.0.0.1:1,{server.url}")
    work.line(r"claim: http://127.0.0.1:1: the connection is refused \(ECONNREFUSED\); it is tried again")
    assert work.left() == 0
    assert "it works" in work.said


def test_a_signal_ends_the_wait_for_a_server(server: Server, run: Run) -> None:
    text = "with lastbeat.Attempt(handle_signals=True):\n    print('it works')"
    work = run(text, server.register("never"), url="http://127.0.0.1:1")
    work.line("claim: ")
    work.send(15)
    assert work.left() == 143
    assert "it works" not in work.said


def test_a_thread_cannot_handle_signals(server: Server, run: Run) -> None:
    work = run(
        """
        def attempt():
            try:
                lastbeat.Attempt(handle_signals=True).__enter__()
            except ValueError as error:
                print(error)
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
        """,
        server.register("thread"),
    )
    assert work.left() == 0
    work.line("signals are handled in the main thread alone")


def test_an_event_loop_goes_on(server: Server, run: Run) -> None:
    work = run(
        """
        import asyncio
        async def main():
            async with lastbeat.Attempt() as attempt:
                print("ready")
                while not attempt.should_stop:
                    await asyncio.sleep(0.01)
                attempt.check()
        asyncio.run(main())
        """,
        server.register("loop", leaseSeconds=5),
    )
    work.line("ready")
    server.client.cancel("loop")
    assert work.left() == 81


def test_a_canceled_task_is_an_interruption(server: Server, run: Run) -> None:
    work = run(
        """
        import asyncio
        async def main():
            async with lastbeat.Attempt():
                asyncio.current_task().cancel()
                await asyncio.sleep(600)
        try:
            asyncio.run(main())
        except asyncio.CancelledError:
            print("canceled")
        """,
        server.register("canceled-task"),
    )
    assert work.left() == 0
    work.line("canceled")
    assert server.record("canceled-task")["attempts"][0]["reason"] == "cancelled"


def test_a_wait_that_is_canceled_reports_nothing_and_ends(server: Server, run: Run) -> None:
    work = run(
        """
        import asyncio
        async def main():
            started = time.monotonic()
            try:
                async with lastbeat.Attempt():
                    print("it works")
            finally:
                print("after", round(time.monotonic() - started))
        async def both():
            try:
                await asyncio.wait_for(main(), 1)
            except asyncio.TimeoutError:
                print("given up")
        asyncio.run(both())
        """,
        server.register("given-up", leaseSeconds=5),
        url="http://127.0.0.1:1",
    )
    started = time.monotonic()
    assert work.left() == 0
    assert time.monotonic() - started < 10
    work.line("given up")
    assert "it works" not in work.said
