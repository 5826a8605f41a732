from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import deque
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Deque, Dict, Iterator, List, Optional

import pytest
from door import ticket_of
from processes import PACKAGE, ROOT, Program, Server, program, until

import lastbeat
from lastbeat import Consumer, NotLastbeats, Requeue

LATER = "2126-11-27T12:00:00.000Z"
PAST = "2020-11-27T12:00:00.000Z"


def message(run: str = "a-run", fence: int = 8, start_by: str = LATER, **data: Any) -> Dict[str, Any]:
    """A requeue message, as docs/protocol.md shows it."""
    after = {
        "attempt": 2,
        "fence": fence,
        "ticket": ticket_of(run, 2, fence),
        "startBy": start_by,
        "capacity": "any",
        "held": False,
        "isLast": False,
    }
    return {
        "specversion": "1.0",
        "id": f"{run}.{fence}",
        "source": "lastbeat",
        "type": "lastbeat.run.requeue.v1",
        "time": "2026-11-22T12:02:09.000Z",
        "data": {"run": run, "cause": "lost", "next": after, "labels": {"team": "ml"}, **data},
    }


class Queue:
    """SQS, as far as a consumer knows it. A message that is received stays invisible until it is released."""

    def __init__(self, *bodies: Any) -> None:
        self.visible: Deque[Dict[str, Any]] = deque()
        self.deleted: List[str] = []
        self.released: List[str] = []
        self.asked: List[Dict[str, Any]] = []
        self.fails: Deque[Exception] = deque()
        self.poll_seconds = 0.2
        self._sent = 0
        for body in bodies:
            self.send(body)

    def send(self, body: Any) -> None:
        self._sent += 1
        text = body if isinstance(body, str) else json.dumps(body)
        handle = str(self._sent)
        self.visible.append({"MessageId": f"m{handle}", "ReceiptHandle": handle, "Body": text})

    def receive_message(self, **arguments: Any) -> Dict[str, Any]:
        self.asked.append(arguments)
        if self.fails:
            raise self.fails.popleft()
        end = time.monotonic() + self.poll_seconds
        while not self.visible and time.monotonic() < end:
            time.sleep(0.01)
        most = min(arguments["MaxNumberOfMessages"], len(self.visible))
        return {"Messages": [self.visible.popleft() for _ in range(most)]} if most else {}

    def delete_message(self, **arguments: Any) -> None:
        self.deleted.append(arguments["ReceiptHandle"])

    def change_message_visibility(self, **arguments: Any) -> None:
        assert arguments["VisibilityTimeout"] == 0
        self.released.append(arguments["ReceiptHandle"])


class Running:
    """A consumer on a thread of its own."""

    def __init__(self, queue: Queue, start: Callable[[Requeue], object], **options: Any) -> None:
        self.said: List[str] = []
        self.consumer = Consumer("http://queue", start, client=queue, say=self.said.append, **options)
        self.thread = threading.Thread(target=self.consumer.run)
        self.thread.start()

    def stop(self) -> None:
        self.consumer.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()

    def says(self, text: str) -> None:
        """Waits for a line: what is said comes by a thread of its own, after what was done."""
        until(lambda: any(text in line for line in self.said))


class Child:
    """What a start function may return."""

    def __init__(self) -> None:
        self.code: Optional[int] = None
        self.terminated = 0

    def poll(self) -> Optional[int]:
        return self.code

    def terminate(self) -> None:
        self.terminated += 1
        self.code = 143


@pytest.fixture
def consume() -> Iterator[Callable[..., Running]]:
    running: List[Running] = []

    def start(queue: Queue, function: Callable[[Requeue], object], **options: Any) -> Running:
        running.append(Running(queue, function, **options))
        return running[-1]

    yield start
    for one in running:
        one.consumer.stop()
        one.thread.join(20)


Consume = Callable[..., Running]


def test_a_message_is_read_with_all_that_a_start_needs() -> None:
    event = message("shop/deploy", 9, previous={"attempt": 1}, later={"a field": "of a newer service"})
    event["data"]["next"].update(held=True, isLast=True, capacity="on-demand")
    requeue = Requeue.parse(json.dumps(event))
    assert (requeue.id, requeue.run, requeue.cause) == ("shop/deploy.9", "shop/deploy", "lost")
    assert (requeue.attempt, requeue.fence, requeue.ticket) == (2, 9, ticket_of("shop/deploy", 2, 9))
    assert requeue.start_by == datetime(2126, 11, 27, 12, tzinfo=timezone.utc)
    assert (requeue.held, requeue.is_last, requeue.capacity) == (True, True, "on-demand")
    assert (requeue.labels, requeue.previous) == ({"team": "ml"}, {"attempt": 1})
    assert requeue.event == event
    assert requeue.ticket not in repr(requeue)
    assert (requeue.out_of_memory, requeue.memory_limit_bytes) == (False, None)


def test_a_message_after_an_attempt_that_ran_out_of_memory_says_so_with_the_limit() -> None:
    event = message("etl", 9, previous={"attempt": 1, "outOfMemory": True, "memoryLimitBytes": 536_870_912})
    requeue = Requeue.parse(json.dumps(event))
    assert (requeue.out_of_memory, requeue.memory_limit_bytes) == (True, 536_870_912)


def _without(*path: str) -> str:
    event = message()
    inner: Any = event
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return json.dumps(event)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "the message is no object"),
        (json.dumps({**message(), "type": "aws.ec2"}), "not of the type"),
        (_without("data"), "data is no object"),
        (_without("data", "next"), r"data\.next is no object"),
        (_without("data", "next", "ticket"), r"data\.next\.ticket is no text"),
        (_without("data", "next", "startBy"), r"data\.next\.startBy is no text"),
        (_without("id"), "id is no text"),
        (json.dumps(message(start_by="soon")), "no instant"),
        (json.dumps(message(start_by="9999-12-31T23:59:59.000-01:00")), "no instant"),
        (json.dumps({**message(), "data": {**message()["data"], "run": "another"}}), r"no ticket of data\.run"),
    ],
)
def test_a_message_that_is_none_is_refused_without_its_ticket(body: str, says: str) -> None:
    with pytest.raises(NotLastbeats, match=says) as refused:
        Requeue.parse(body)
    assert ticket_of("a-run", 2, 8) not in str(refused.value)


def test_a_message_is_deleted_after_its_start_and_a_copy_starts_nothing(consume: Consume) -> None:
    queue = Queue(message())
    at_start: List[Any] = []
    consume(queue, lambda requeue: at_start.append((requeue.id, list(queue.deleted))))
    until(lambda: queue.deleted == ["1"])
    assert at_start == [("a-run.8", [])]
    queue.send(message())
    until(lambda: queue.deleted == ["1", "2"])
    assert len(at_start) == 1
    queue.send(message(fence=9))
    until(lambda: len(at_start) == 2)


def test_a_message_that_could_not_be_started_stays(consume: Consume) -> None:
    queue = Queue(message())

    def fail(_: Requeue) -> None:
        raise OSError("no memory")

    running = consume(queue, fail)
    running.says("could not be started, and its message stays: OSError: no memory")
    assert queue.deleted == queue.released == []


def test_a_message_that_is_none_stays_for_the_dead_letter_queue(consume: Consume) -> None:
    queue = Queue("garbage", message())
    started: List[str] = []
    running = consume(queue, lambda requeue: started.append(requeue.id))
    until(lambda: started == ["a-run.8"])
    until(lambda: queue.deleted == ["2"])
    running.says("message m1 stays in the queue: the message is not JSON")


def test_messages_that_surprise_us_do_not_end_the_consumer(consume: Consume) -> None:
    queue = Queue(message(start_by="9999-12-31T23:59:59.000-01:00"), message("a-run"))
    queue.visible.appendleft({"MessageId": "m0", "ReceiptHandle": "0", "Body": None})
    started: List[str] = []
    consume(queue, lambda requeue: started.append(requeue.id))
    until(lambda: started == ["a-run.8"])


def test_a_child_that_fails_does_not_end_the_consumer(consume: Consume) -> None:
    class Broken(Child):
        def poll(self) -> Optional[int]:
            raise ChildProcessError("no child")

    class Deaf(Child):
        def terminate(self) -> None:
            self.code = 0
            raise ProcessLookupError("no process")

    queue = Queue(message("one"), message("two"), message("three"))
    children: List[Child] = [Broken(), Deaf(), Child()]
    left = list(children)
    running = consume(queue, lambda _: left.pop(0), max_concurrent=2)
    until(lambda: left == [])
    running.stop()
    assert children[2].terminated == 1
    running.says("one.8 does not tell whether it runs")
    running.says("two.8 could not be told to leave: ProcessLookupError")


def test_an_exit_of_the_start_function_does_not_abandon_the_other_children() -> None:
    queue = Queue(message("one"), message("two"))
    child = Child()

    def start(requeue: Requeue) -> Child:
        if requeue.run == "two":
            sys.exit(3)
        return child

    consumer = Consumer("http://queue", start, client=queue, max_concurrent=2, handle_signals=False)
    with pytest.raises(SystemExit):
        consumer.run()
    assert child.terminated == 1
    with pytest.raises(RuntimeError, match="run once"):
        consumer.run()


class Process:
    """What is used of a multiprocessing.Process."""

    def __init__(self) -> None:
        self.exitcode: Optional[int] = None

    def terminate(self) -> None:
        self.exitcode = -15


def test_a_process_of_multiprocessing_counts_as_running(consume: Consume) -> None:
    queue = Queue(message("one"), message("two"))
    processes: List[Process] = []

    def start(_: Requeue) -> Process:
        processes.append(Process())
        return processes[-1]

    running = consume(queue, start)
    until(lambda: queue.deleted == ["1"])
    running.says("is started")
    assert len(processes) == 1
    processes[0].exitcode = 0
    until(lambda: len(processes) == 2)
    assert len(queue.asked) == 2


def test_what_cannot_be_waited_for_is_refused_after_its_message_is_deleted() -> None:
    queue = Queue(message())
    consumer = Consumer("http://queue", lambda _: 42, client=queue, handle_signals=False)
    with pytest.raises(TypeError, match="start has returned int: it returns None, or what has poll and terminate"):
        consumer.run()
    assert queue.deleted == ["1"]


def test_a_stop_inside_of_a_stop_does_not_wait(consume: Consume) -> None:
    # As when a second signal comes while the handler of the first one is at work: no lock is taken.
    running = consume(Queue(), print)
    held = [value for value in vars(running.consumer).values() if isinstance(value, threading.Event)]
    assert held == []
    running.stop()


def test_an_attempt_that_had_to_start_before_is_not_started(consume: Consume) -> None:
    queue = Queue(message(start_by=PAST))
    started: List[Requeue] = []
    running = consume(queue, started.append)
    until(lambda: queue.deleted == ["1"])
    assert started == []
    running.says("had to start by 2020-11-27T12:00:00+00:00: it is not started any more")


def test_nothing_is_received_while_all_slots_are_taken(consume: Consume) -> None:
    queue = Queue(*(message(f"run-{index}") for index in range(5)))
    children: List[Child] = []

    def start(_: Requeue) -> Child:
        children.append(Child())
        return children[-1]

    running = consume(queue, start, max_concurrent=2)
    until(lambda: len(children) == 2)
    children[0].code = 0
    until(lambda: len(children) == 3)
    assert [one["MaxNumberOfMessages"] for one in queue.asked] == [2, 1]
    running.stop()
    assert [child.terminated for child in children] == [0, 1, 1]


@pytest.mark.parametrize(("code", "starts"), [(0, 1), (81, 1), (143, 1), (125, 2)])
def test_a_copy_starts_again_only_what_may_not_have_begun(consume: Consume, code: int, starts: int) -> None:
    queue = Queue(message())
    children: List[Child] = []

    def start(_: Requeue) -> Child:
        children.append(Child())
        return children[-1]

    consume(queue, start, max_concurrent=2)
    until(lambda: queue.deleted == ["1"])
    queue.send(message())
    until(lambda: queue.deleted == ["1", "2"])
    assert len(children) == 1  # it is under way
    children[0].code = code
    until(lambda: len(queue.asked) > 3 and queue.asked[-1]["MaxNumberOfMessages"] == 2)
    queue.send(message())
    until(lambda: queue.deleted == ["1", "2", "3"])
    assert len(children) == starts


def test_children_that_may_finish_are_waited_for(consume: Consume) -> None:
    queue = Queue(message())
    child = Child()
    running = consume(queue, lambda _: child, on_stop="wait")
    until(lambda: queue.deleted == ["1"])
    running.consumer.stop()
    running.says("still under way, and waited for: 1")
    assert running.thread.is_alive()
    assert child.terminated == 0
    running.stop()  # the second one is passed on
    assert child.terminated == 1


def test_what_comes_after_a_stop_is_given_back(consume: Consume) -> None:
    queue = Queue()
    queue.poll_seconds = 20
    started: List[Requeue] = []
    running = consume(queue, started.append)
    until(lambda: len(queue.asked) == 1)
    running.consumer.stop()
    queue.send(message())
    running.thread.join(10)
    assert not running.thread.is_alive()
    assert queue.released == ["1"]
    assert started == []


def test_a_second_stop_does_not_wait_for_the_queue(consume: Consume) -> None:
    queue = Queue()
    queue.poll_seconds = 20
    running = consume(queue, print)
    until(lambda: len(queue.asked) == 1)
    running.consumer.stop()
    running.consumer.stop()
    running.thread.join(10)
    assert not running.thread.is_alive()
    queue.poll_seconds = 0
    queue.send(message())  # lets the poll end


def test_errors_of_sqs_are_outlasted(consume: Consume) -> None:
    queue = Queue(message())
    queue.fails.extend([OSError("no network"), KeyError("Messages")])
    started: List[str] = []
    running = consume(queue, lambda requeue: started.append(requeue.id))
    until(lambda: started == ["a-run.8"])
    running.says("the queue cannot be read: no network; it is tried again")
    assert len(queue.asked) >= 3


def test_a_message_that_could_not_be_deleted_is_deleted_when_it_comes_again(consume: Consume) -> None:
    queue = Queue(message())
    started: List[str] = []
    deleted = queue.delete_message

    def fail(**arguments: Any) -> None:
        queue.delete_message = deleted  # type: ignore[method-assign]
        raise OSError("no network")

    queue.delete_message = fail  # type: ignore[method-assign]
    running = consume(queue, lambda requeue: started.append(requeue.id))
    running.says("could not be deleted, and comes again")
    queue.send(message())
    until(lambda: queue.deleted == ["2"])
    assert started == ["a-run.8"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "name either start"),
        ({"start": print, "command": ["true"]}, "name either start"),
        ({"start": print, "max_concurrent": 0}, "at least 1"),
        ({"start": print, "on_stop": "soon"}, "terminate or wait"),
        ({"command": "python train.py"}, "a list of words"),
        ({"command": []}, "a list of words"),
    ],
)
def test_what_contradicts_itself_is_refused(options: Dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Consumer("http://queue", **options)


# With the real queue of the embedded server, and real agents.


@pytest.fixture(scope="module")
def queue_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def agent(tmp_path: Path) -> str:
    """`lastbeat` in Node, so that these tests need no Go. The wheel is tried with the binary."""
    script = tmp_path / "lastbeat"
    node = ROOT / "node_modules" / ".bin" / "node"
    script.write_text(f'#!/bin/sh\nexec {node if node.exists() else "node"} {ROOT / "bin.mjs"} "$@"\n')
    script.chmod(0o755)
    return str(script)


@pytest.fixture
def real(queue_server: Server, agent: str, tmp_path: Path) -> Iterator[Callable[[str], Program]]:
    """Starts a consumer of the real queue."""
    started: List[Program] = []

    def start(text: str) -> Program:
        started.append(_consumer(text, queue_server, agent, tmp_path))
        return started[-1]

    yield start
    for one in started:
        one.end()


Real = Callable[[str], Program]


def _consumer(text: str, server: Server, agent: str, tmp_path: Path) -> Program:
    head = f"""
import boto3, subprocess
sqs = boto3.client("sqs", endpoint_url={server.sqs!r}, region_name="us-east-1",
                   aws_access_key_id="demo", aws_secret_access_key="demo")
queue_url, url, python = {server.queue_url!r}, {server.url!r}, {sys.executable!r}
"""
    environment = {
        "LASTBEAT_BINARY": agent,
        "LASTBEAT_STATE_DIR": str(tmp_path / "state"),
        "LASTBEAT_IMDS": "off",
        "PYTHONPATH": str(PACKAGE / "src"),
    }
    return program(head + text, environment)


def test_a_command_is_run_for_each_message_by_an_agent(queue_server: Server, real: Real) -> None:
    consumer = real(
        """
script = 'echo "ran $LASTBEAT_RUN_ID, ticket ${LASTBEAT_TICKET-none}"'
lastbeat.Consumer(queue_url, command=["sh", "-c", script], urls=url, client=sqs, max_concurrent=2).run()
print("consumer left")
"""
    )
    for run in ("command-1", "command-2"):
        queue_server.client.register(run, {"start": "dispatch"})
    for run in ("command-1", "command-2"):
        consumer.line(f"attempt 1 of {run} is started, because of: first")
        consumer.line(f"^ran {run}, ticket none$")
        ended = queue_server.record_when(run, lambda it: it["state"] == "ended")
        assert ended["outcome"] == "succeeded"
    consumer.send(signal.SIGTERM)
    assert consumer.left() == 0
    consumer.line("consumer left")


def test_a_stop_is_passed_on_and_the_work_comes_back(queue_server: Server, real: Real) -> None:
    text = """
lastbeat.Consumer(queue_url, command=["sh", "-c", "echo works; exec sleep 600"], urls=url, client=sqs).run()
"""
    consumer = real(text)
    queue_server.client.register("passed-on", {"start": "dispatch"})
    consumer.line("^works$")
    consumer.send(signal.SIGTERM)
    assert consumer.left() == 0
    record = queue_server.record("passed-on")
    assert (record["attempts"][0]["cause"], record["attempts"][0]["reason"]) == ("interrupted", "sigterm")
    again = real(text)
    again.line("attempt 2 of passed-on is started, because of: interrupted")
    again.line("^works$")
    again.send(signal.SIGINT)
    assert again.left() == 0
    queue_server.client.cancel("passed-on")


def test_a_ctrl_c_on_the_terminal_does_not_reach_children_that_may_finish(queue_server: Server, real: Real) -> None:
    consumer = real(
        """
script = 'echo "group $(ps -o pgid= -p $$)"; sleep 1; echo finished'
os.setpgid(0, 0)
print("own", os.getpgid(0))
lastbeat.Consumer(queue_url, command=["sh", "-c", script], urls=url, client=sqs, on_stop="wait").run()
"""
    )
    queue_server.client.register("may-finish", {"start": "dispatch"})
    group = int(consumer.line(r"^own (\d+)$").group(1))
    consumer.line("^group")
    os.killpg(group, signal.SIGINT)
    assert consumer.left() == 0
    consumer.line("^finished$")
    assert queue_server.record("may-finish")["outcome"] == "succeeded"


def test_a_function_starts_the_work_as_it_likes(queue_server: Server, real: Real) -> None:
    consumer = real(
        """
def start(requeue):
    print("start", requeue.run, requeue.cause)
    environment = {**os.environ, "LASTBEAT_TICKET": requeue.ticket, "LASTBEAT_URL": url}
    text = 'import os, lastbeat\\nwith lastbeat.Attempt() as attempt: os.write(1, b"in the block\\\\n")'
    return subprocess.Popen([python, "-c", text], env=environment)
lastbeat.Consumer(queue_url, start, client=sqs, on_stop="wait").run()
"""
    )
    queue_server.client.register("by-function", {"start": "dispatch"})
    consumer.line("start by-function first")
    consumer.line("^in the block$")
    queue_server.record_when("by-function", lambda it: it["state"] == "ended")
    consumer.send(signal.SIGTERM)
    assert consumer.left() == 0


def test_the_region_of_the_queue_is_that_of_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    from lastbeat.consumer import _made_client

    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-1")
    made: Any = _made_client("https://sqs.eu-central-1.amazonaws.com/123456789012/requeue")
    assert made.meta.region_name == "eu-central-1"
    other: Any = _made_client("http://127.0.0.1:1/000000000000/requeue")
    assert other.meta.region_name == "us-west-1"
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(lastbeat.LastbeatError, match=r"pip install 'lastbeat\[sqs\]'"):
        _made_client("http://queue")


def test_a_queue_that_is_not_there_is_said_and_a_stop_is_heard(tmp_path: Path) -> None:
    text = """
import boto3
sqs = boto3.client("sqs", endpoint_url="http://127.0.0.1:1", region_name="us-east-1",
                   aws_access_key_id="demo", aws_secret_access_key="demo")
lastbeat.Consumer("http://127.0.0.1:1/0/requeue", print, client=sqs).run()
"""
    consumer = program(text, {"PYTHONPATH": str(PACKAGE / "src")})
    try:
        consumer.line("the queue cannot be read: .*; it is tried again")
        consumer.send(signal.SIGTERM)
        assert consumer.left() == 0
    finally:
        consumer.end()
