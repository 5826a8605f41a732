"""What keeps two attempts apart, tried on processes that are cut off, frozen, busy, held, forked and stormed."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest
from conftest import Run
from door import Asked, Door, Listener, Reply, problem, replies, ticket_of
from processes import Server, is_running, kept_in, until

LEASE = 5.0
# When a process has to be gone: a margin (a twelfth) before the end of the lease.
KILL = LEASE - LEASE / 12

DEAF = """
with lastbeat.Attempt() as attempt:
    print("ready")
    while True:
        time.sleep(0.05)
"""


def test_a_process_that_does_not_leave_ends_before_its_lease(own_server: Server, run: Run, tmp_path: Path) -> None:
    work = run(DEAF, own_server.register("cut-off", leaseSeconds=LEASE), url=own_server.url)
    work.line("ready")
    own_server.send(signal.SIGSTOP)
    cut_off = time.monotonic()
    assert work.left() == 80
    assert time.monotonic() - cut_off < LEASE
    work.line("no beat was acknowledged in time, .*: the work is asked to leave, and this process ends in 1 s")
    work.line("the work has not left in time: this process ends")
    (kept,) = kept_in(tmp_path)
    assert kept["report"] == {"outcome": "interrupted", "reason": "self-fenced"}
    own_server.send(signal.SIGCONT)
    record = own_server.record_when("cut-off", lambda it: it["state"] != "running")
    assert record["attempts"][0]["cause"] == "lost"
    run(
        "with lastbeat.Attempt():\n    time.sleep(1)", own_server.register("next"), url=own_server.url
    ).left()  # it delivers the report
    assert kept_in(tmp_path) == []


def test_work_that_heeds_the_request_is_reported_by_itself(own_server: Server, run: Run, tmp_path: Path) -> None:
    work = run(
        """
        with lastbeat.Attempt(on_term="exit", report_seconds=1):
            print("ready")
            time.sleep(600)
        """,
        own_server.register("heeded", leaseSeconds=LEASE),
        url=own_server.url,
    )
    work.line("ready")
    own_server.send(signal.SIGSTOP)
    assert work.left() == 80
    work.line("the end could not be reported: ")
    own_server.send(signal.SIGCONT)
    assert len(kept_in(tmp_path)) == 1


def test_an_owner_may_let_work_that_is_cut_off_go_on(own_server: Server, run: Run) -> None:
    ticket = own_server.register("goes-on", leaseSeconds=LEASE, onCutOff="continue")
    work = run(
        f"""
        with lastbeat.Attempt(report_seconds=1) as attempt:
            print("ready")
            time.sleep({2 * LEASE})
            print("still here", attempt.should_stop)
            os._exit(7)
        """,
        ticket,
        url=own_server.url,
    )
    work.line("ready")
    own_server.send(signal.SIGSTOP)
    assert work.left() == 7
    work.line("still here False")
    own_server.send(signal.SIGCONT)


def test_a_process_that_was_frozen_for_longer_than_its_lease_ends_as_it_wakes(server: Server, run: Run) -> None:
    work = run(DEAF, server.register("frozen", leaseSeconds=LEASE))
    work.line("ready")
    work.send(signal.SIGSTOP)
    server.record_when("frozen", lambda it: it["state"] != "running")
    woken = time.monotonic()
    work.send(signal.SIGCONT)
    # 80 by the heart, or 1 by the watchdog, which is awake at the same moment. CPython's watchdog reads the frames of
    # threads that run on meanwhile, and dies of that once in some hundred times.
    assert work.left() in (80, 1, -signal.SIGSEGV)
    assert time.monotonic() - woken < 4


def test_threads_that_are_always_busy_do_not_cost_the_lease(server: Server, run: Run) -> None:
    work = run(
        f"""
        def spin():
            while True:
                pass
        for _ in range(8):
            threading.Thread(target=spin, daemon=True).start()
        with lastbeat.Attempt() as attempt:
            end = time.monotonic() + {2.5 * LEASE}
            while time.monotonic() < end:
                attempt.check()
        """,
        server.register("busy", leaseSeconds=LEASE),
    )
    assert work.left(60) == 0
    record = server.record("busy")
    assert (record["outcome"], record["attempt"]) == ("succeeded", 1)


HOLDS_THE_GIL = """
import ctypes
with lastbeat.Attempt({}) as attempt:
    print("ready")
    time.sleep(2)
    print("held")
    ctypes.PyDLL(None).sleep({})
    print("it has let go")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library is found by the name of Linux")
def test_a_c_extension_that_holds_the_gil_ends_with_the_lease_all_the_same(server: Server, run: Run) -> None:
    work = run(HOLDS_THE_GIL.format("", 60), server.register("held", leaseSeconds=LEASE))
    work.line("^held$")
    held = time.monotonic()
    assert work.left() == 1
    assert time.monotonic() - held < LEASE
    work.line(r"Timeout \(0:00:0")
    work.line(r'File "<string>", line \d+ in <module>')
    assert server.record_when("held", lambda it: it["state"] != "running")["attempts"][0]["cause"] == "lost"


def test_a_short_hold_of_the_gil_costs_nothing(server: Server, run: Run) -> None:
    work = run(HOLDS_THE_GIL.format("", 2), server.register("held-briefly", leaseSeconds=LEASE))
    assert work.left() == 0
    assert server.record("held-briefly")["outcome"] == "succeeded"


def test_without_the_watchdog_such_a_process_outlives_its_lease(server: Server, run: Run) -> None:
    # So the watchdog is what ends it in the test before.
    work = run(HOLDS_THE_GIL.format("watchdog=False", 9), server.register("unwatched", leaseSeconds=LEASE))
    work.line("^held$")
    server.record_when("unwatched", lambda it: it["state"] != "running")
    assert work.process.poll() is None
    work.left()


def test_a_log_that_nobody_reads_keeps_nobody_alive(server: Server, run: Run) -> None:
    # The pipe of stderr is full, and the GIL is held: neither line nor trace can be written.
    work = run(
        """
        import ctypes, fcntl
        reader, writer = os.pipe()
        os.dup2(writer, 2)
        os.set_blocking(2, False)
        try:
            while True:
                os.write(2, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(2, True)
        with lastbeat.Attempt() as attempt:
            print("ready")
            ctypes.PyDLL(None).sleep(60)
        """,
        server.register("mute", leaseSeconds=LEASE),
    )
    work.line("ready")
    ready = time.monotonic()
    assert work.left() == 1
    assert time.monotonic() - ready < LEASE


def test_a_pipe_that_nobody_reads_does_not_keep_a_finished_process(door: Door, run: Run) -> None:
    door.answer = replies()
    work = run(
        """
        reader, writer = os.pipe()
        os.dup2(writer, 2)
        os.set_blocking(2, False)
        try:
            while True:
                os.write(2, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(2, True)
        with lastbeat.Attempt():
            pass
        print("done")
        """,
        ticket_of(),
        url=door.url,
    )
    work.line("done")
    assert work.left(10) == 0


def test_a_pipe_that_nobody_reads_does_not_stop_the_beats(server: Server, run: Run) -> None:
    work = run(
        f"""
        reader, writer = os.pipe()
        os.dup2(writer, 2)
        threading.Thread(target=lambda: os.write(2, b"x" * 200_000), daemon=True).start()
        with lastbeat.Attempt() as attempt:
            time.sleep({2 * LEASE})
        print("done")
        os._exit(0)
        """,
        server.register("unread", leaseSeconds=LEASE),
    )
    assert work.left() == 0
    assert server.record("unread")["attempt"] == 1


def test_a_forked_child_neither_beats_nor_reports_and_has_its_own_signals(server: Server, run: Run) -> None:
    work = run(
        """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of each fork beside threads
        with lastbeat.Attempt(handle_signals=True) as attempt:
            child = os.fork()
            if child == 0:
                print("threads", threading.active_count())
                try:
                    attempt.progress(1)
                except lastbeat.Forked as error:
                    print("forked:", error)
                print("handler", signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
            else:
                _, status = os.waitpid(child, 0)
                print("child left", os.WEXITSTATUS(status))
                print("state", lastbeat.Client(os.environ["LASTBEAT_URL"]).run(attempt.run)["state"])
        sys.exit(5 if child == 0 else 0)
        """,
        server.register("forked"),
    )
    assert work.left() == 0
    for line in ("threads 1", "forked: progress was called in a forked child", "handler True", "child left 5"):
        work.line(line)
    work.line("state running")
    assert server.record("forked")["outcome"] == "succeeded"


def test_a_forked_child_does_not_hold_the_lease_of_its_parent(server: Server, run: Run) -> None:
    work = run(
        """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        with lastbeat.Attempt() as attempt:
            child = os.fork()
            if child == 0:
                os.setsid()
                os.close(1)
                os.close(2)
                time.sleep(60)
                os._exit(0)
            print("child", child)
            time.sleep(600)
        """,
        server.register("orphan", leaseSeconds=LEASE),
    )
    child = int(work.line(r"child (\d+)").group(1))
    try:
        work.send(9)
        work.left()
        record = server.record_when("orphan", lambda it: it["state"] != "running")
        assert record["attempts"][0]["cause"] == "lost"
        assert is_running(child)
    finally:
        import os

        os.kill(child, 9)


def test_a_storm_of_refusals_by_a_gateway_stops_nobody(door: Door, run: Run) -> None:
    storm = [(429, {"message": "Too Many Requests"}), (503, b"<html>"), (500, problem("internal", 500)[1])]
    good = replies()

    def answer(asked: Asked) -> Reply:
        return storm[len(door.asked) % 3] if len(door.asked) % 2 else good(asked)

    door.answer = answer
    work = run(
        """
        with lastbeat.Attempt() as attempt:
            print("ready")
            time.sleep(6)
            print("told", attempt.should_stop)
        """,
        ticket_of(),
        url=door.url,
    )
    assert work.left() == 0
    work.line("told False")
    assert door.names().count("beat") > 4


def test_garbage_stops_nobody_but_silence_does(door: Door, run: Run) -> None:
    door.answer = replies(beat=(403, {"message": "Forbidden"}))
    work = run(DEAF, ticket_of(), url=door.url)
    work.line("ready")
    ready = time.monotonic()
    assert work.left() == 80
    assert KILL - 1 < time.monotonic() - ready < LEASE
    work.line("beat: .*: status 403 with a body that is not ours; it is tried again")


def test_beats_go_to_the_address_that_the_claim_names(door: Door, run: Run) -> None:
    beats = Door()
    beats.answer = replies()
    ok = replies()
    claimed = {**ok(Asked("POST", "/claim", {}, None))[1], "beatUrl": beats.url}
    door.answer = replies(claim=(200, claimed))
    work = run("with lastbeat.Attempt():\n    time.sleep(1)", ticket_of(), url=door.url)
    assert work.left() == 0
    assert set(beats.names()) == {"beat"}
    assert set(door.names()) == {"claim", "finish"}
    beats.stop()


def test_the_front_door_takes_the_beats_when_their_address_is_away(door: Door, run: Run) -> None:
    ok = replies()
    claimed = {**ok(Asked("POST", "/claim", {}, None))[1], "beatUrl": "http://127.0.0.1:1"}
    door.answer = replies(claim=(200, claimed))
    work = run("with lastbeat.Attempt():\n    time.sleep(3)", ticket_of(), url=door.url)
    assert work.left() == 0
    assert "beat" in door.names()


def test_a_server_that_hangs_is_given_up_in_time(server: Server, run: Run) -> None:
    hanging = Listener(None)
    ticket = server.register("hanging", leaseSeconds=LEASE)
    work = run("with lastbeat.Attempt():\n    print('it works')", ticket, url=f"{hanging.url},{server.url}")
    work.line("claim: .*no answer in time")
    assert work.left() == 0
    assert server.record("hanging")["outcome"] == "succeeded"
    hanging.stop()


def test_a_gate_is_asked_until_the_predecessor_is_gone(door: Door, run: Run) -> None:
    door.headers = {"Retry-After": "1"}
    ok = replies()
    door.answer = lambda asked: problem("hold", 425) if len(door.asked) < 4 else ok(asked)
    work = run("with lastbeat.Attempt():\n    print('it works')", ticket_of(), url=door.url)
    assert work.left() == 0
    assert door.names()[:4] == ["claim"] * 4
    assert sum("claim: hold" in line for line in work.lines) == 1


def test_a_newer_token_is_used(door: Door, run: Run) -> None:
    newer = ticket_of(fence=8)
    door.answer = replies(beat=(200, {"directive": "continue", "nextBeatSeconds": 0.1, "token": newer}))
    work = run("with lastbeat.Attempt():\n    time.sleep(1)", ticket_of(), url=door.url)
    assert work.left() == 0
    shown = [one.headers["authorization"] for one in door.asked if one.path.endswith(("beat", "finish"))]
    assert shown[0] == f"Bearer {ticket_of()}"
    assert set(shown[1:]) == {f"Bearer {newer}"}


def test_a_spot_notice_of_the_metadata_is_told_at_once(door: Door, run: Run) -> None:
    metadata = Door()

    def answer(asked: Asked) -> Reply:
        if asked.method == "PUT":
            return 200, b"a-token"
        if asked.path.endswith("spot/instance-action"):
            return 200, {"action": "terminate", "time": "2126-11-27T12:00:00Z"}
        return 404, {}

    metadata.answer = answer
    door.answer = replies()
    text = "with lastbeat.Attempt() as attempt:\n    attempt.stopping.wait()\n    attempt.check()"
    work = run(text, ticket_of(), url=door.url, LASTBEAT_IMDS="auto", LASTBEAT_IMDS_URL=metadata.url)
    assert work.left() == 82
    until(lambda: "notice" in door.names())
    (notice,) = [one.body for one in door.asked if one.path.endswith("notice")]
    assert (notice["kind"], notice["deadline"]) == ("spot", "2126-11-27T12:00:00.000Z")
    metadata.stop()
