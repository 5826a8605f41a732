"""A consumer of the requeue queue: it starts the next attempt of each message."""

from __future__ import annotations

import contextlib
import os
import queue
import random
import signal
import subprocess
import threading
import time
from collections import OrderedDict
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Protocol, Sequence, Union

from .errors import LastbeatError
from .handlers import Handlers, in_main_thread
from .log import Log, to_stderr
from .program import binary
from .requeue import Requeue
from .times import format_instant

# An empty queue costs six requests a minute, and a stop waits for the answer to the last one.
_WAIT_SECONDS = 10
# The most that SQS gives in one answer.
_MOST_MESSAGES = 10
# How often it is looked whether a child has ended. A slot that is free that much later costs nobody anything.
_LOOK_SECONDS = 0.2
# After a request that failed: from 1 s, doubled, up to 30 s.
_LONGEST_PAUSE_SECONDS = 30.0
# Ids of messages that were started. A copy comes within days; 10,000 texts of 150 bytes are 2 MB.
_MOST_REMEMBERED = 10_000
# The exit code of `lastbeat exec` that does not say that the attempt had begun.
_AGENT_ERROR = 125


class Child(Protocol):
    """What a start function may return: a subprocess.Popen, or what has these methods."""

    def poll(self) -> Optional[int]:
        """The exit code, or None while it runs."""

    def terminate(self) -> None:
        """Asks it to leave."""


class SqsClient(Protocol):
    """What is used of an SQS client of boto3."""

    def receive_message(self, **arguments: Any) -> Dict[str, Any]: ...

    def delete_message(self, **arguments: Any) -> Any: ...

    def change_message_visibility(self, **arguments: Any) -> Any: ...


class _Received(NamedTuple):
    messages: Sequence[Mapping[str, Any]]
    error: Optional[Exception] = None


class Consumer:
    """Long-polls the requeue queue, and starts an attempt for each message.

        Consumer(queue_url, command=["python", "train.py"], urls="https://...").run()

    A message is deleted when its attempt was started. If the start fails, the message stays: it comes again after the
    visibility timeout of the queue, and goes to the dead-letter queue after five receives. While `max_concurrent`
    children run, nothing is received, so that another consumer gets the messages.
    """

    def __init__(
        self,
        queue_url: str,
        start: Optional[Callable[[Requeue], object]] = None,
        *,
        command: Optional[Sequence[str]] = None,
        urls: Union[str, Sequence[str], None] = None,
        environment: Optional[Mapping[str, str]] = None,
        max_concurrent: int = 1,
        on_stop: str = "terminate",
        client: Optional[SqsClient] = None,
        handle_signals: bool = True,
        say: Callable[[str], None] = to_stderr,
    ) -> None:
        """Needs either `start` or `command`.

        `start` is called with each message and starts its attempt; it must not do the work itself. It returns None, or
        what counts as running: a Child, as subprocess.Popen is one, or a multiprocessing.Process. For something else
        `run` raises TypeError. `command` is run by `lastbeat exec`, with `urls` as its front doors (else LASTBEAT_URL),
        and the `environment` (else that of this process). `on_stop`: "terminate" passes a stop on to the children,
        "wait" lets them finish. `client` is an SQS client of boto3; without one it is made when it is needed, with the
        region of the queue's address. `handle_signals` stops on SIGTERM and SIGINT, in the main thread.

        Raises ValueError for what contradicts itself, and BinaryMissing if there is no program for `command`.
        """
        if (start is None) == (command is None):
            raise ValueError("name either start, a function, or command, what lastbeat exec runs")
        if max_concurrent < 1:
            raise ValueError(f"max_concurrent is at least 1, not {max_concurrent}")
        if on_stop not in ("terminate", "wait"):
            raise ValueError(f"on_stop is terminate or wait, not {on_stop!r}")
        self._queue_url = queue_url
        self._start = start if start is not None else _Exec(command or (), urls, environment)
        self._max_concurrent = max_concurrent
        self._on_stop = on_stop
        self._client = client
        self._handle_signals = handle_signals
        self._sink = say
        # A plain number: a signal handler may interrupt itself, and would wait for ever for a lock that it holds.
        self._stops = 0
        self._has_run = False
        self._asking: Optional[threading.Thread] = None
        self._received: queue.SimpleQueue[_Received] = queue.SimpleQueue()
        self._children: Dict[str, Child] = {}
        self._started: OrderedDict[str, None] = OrderedDict()

    def stop(self) -> None:
        """Lets `run` end: nothing new is started. From any thread, and from a signal handler.

        The second stop is passed on to the children in any case, and does not wait for the queue.
        """
        self._stops += 1

    def run(self) -> None:
        """Consumes until it is stopped, and until its children have ended. Errors of SQS are said, and outlasted.

        After a stop it waits for the answer of the queue, 10 s at most: a message that came to nobody would be
        invisible until its timeout.
        """
        if self._has_run:
            raise RuntimeError("a Consumer is run once: make another one")
        self._has_run = True
        handlers = Handlers()
        if self._handle_signals and in_main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                handlers.install(number, self._on_signal)
        log = Log(self._sink)
        self._say = log.say
        try:
            try:
                self._consume()
            finally:  # whatever the start function raises: the other children are not abandoned
                self._stops = max(1, self._stops)
                self._let_go()
                self._hear_out()
        finally:
            handlers.restore()
            log.close(seconds=1.0)

    def _on_signal(self) -> bool:
        self.stop()
        return True

    def _consume(self) -> None:
        failures = 0
        resume_at = 0.0
        while not self._stops:
            self._reap()
            free = self._max_concurrent - len(self._children)
            if free > 0 and self._asking is None and time.monotonic() >= resume_at:
                self._ask(min(free, _MOST_MESSAGES))
            try:
                received = self._received.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            self._asking = None
            if received.error is None:
                failures = 0
            else:
                resume_at = time.monotonic() + _pause(failures)
                failures += 1
                self._say(f"the queue cannot be read: {received.error}; it is tried again")
            for message in received.messages:
                self._handle(message)

    def _ask(self, most: int) -> None:
        """Receives on a thread of its own: meanwhile children end, and a stop is passed on to them."""
        self._asking = threading.Thread(target=self._receive, args=(most,), name="lastbeat-receive", daemon=True)
        self._asking.start()

    def _hear_out(self) -> None:
        """What the last request brings is given back."""
        while self._asking is not None and self._asking.is_alive() and self._stops < 2:
            self._asking.join(_LOOK_SECONDS)

    def _receive(self, most: int) -> None:
        try:
            answer = self._sqs().receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=most, WaitTimeSeconds=_WAIT_SECONDS
            )
            received = _Received(answer.get("Messages", []))
        except Exception as error:  # of the network, of SQS, of the credentials: all of them pass, or are mended
            received = _Received([], error)
        if self._stops:
            for message in received.messages:
                self._release(message)
        else:
            self._received.put(received)

    def _sqs(self) -> SqsClient:
        if self._client is None:
            self._client = _made_client(self._queue_url)
        return self._client

    def _handle(self, message: Mapping[str, Any]) -> None:
        if self._stops:
            self._release(message)
            return
        try:
            requeue = Requeue.parse(message.get("Body", ""))
        except Exception as error:  # one message must not cost the others their consumer
            self._say(f"message {message.get('MessageId')} stays in the queue: {error}")
            return
        name = f"attempt {requeue.attempt} of {requeue.run}"
        if requeue.id in self._children or requeue.id in self._started:
            self._say(f"{name} was started already: this copy of its message is deleted")
        elif requeue.start_by <= datetime.now(timezone.utc):
            self._say(f"{name} had to start by {requeue.start_by.isoformat()}: it is not started any more")
        else:
            self._begin(requeue, name, message)
            return
        self._delete(message)

    def _begin(self, requeue: Requeue, name: str, message: Mapping[str, Any]) -> None:
        try:
            made = self._start(requeue)
        except Exception as error:  # of the user's function, or of the system
            self._say(f"{name} could not be started, and its message stays: {type(error).__name__}: {error}")
            return
        held = ", held until its predecessor is gone" if requeue.held else ""
        self._say(f"{name} is started, because of: {requeue.cause}{held}")
        child = _child_of(made)
        if child is not None:
            self._children[requeue.id] = child
        else:
            self._remember(requeue.id)
        self._delete(message)
        if made is not None and child is None:
            raise TypeError(
                f"start has returned {type(made).__name__}: it returns None, or what has poll and terminate, as Popen"
            )

    def _remember(self, id: str) -> None:  # noqa: A002 - the word of CloudEvents
        self._started[id] = None
        if len(self._started) > _MOST_REMEMBERED:
            self._started.popitem(last=False)

    def _reap(self) -> None:
        for id, child in list(self._children.items()):  # noqa: A001
            try:
                code = child.poll()
            except Exception as error:
                self._say(f"{id} does not tell whether it runs, and counts as ended: {type(error).__name__}: {error}")
                code = 0
            if code is None:
                continue
            del self._children[id]
            # Another copy of the message may start the attempt again if this one may not have begun.
            if code == _AGENT_ERROR:
                self._say(f"the agent of {id} has failed")
            else:
                self._remember(id)

    def _let_go(self) -> None:
        if self._children:
            self._say(f"attempts that are still under way, and waited for: {len(self._children)}")
        is_told = False
        while self._children:
            if not is_told and (self._on_stop == "terminate" or self._stops > 1):
                is_told = True
                for id, child in self._children.items():  # noqa: A001
                    try:
                        child.terminate()
                    except Exception as error:
                        self._say(f"{id} could not be told to leave: {type(error).__name__}: {error}")
            time.sleep(_LOOK_SECONDS)
            self._reap()

    def _delete(self, message: Mapping[str, Any]) -> None:
        try:
            self._sqs().delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
        except Exception as error:  # the copy that comes is deleted then
            self._say(f"message {message.get('MessageId')} could not be deleted, and comes again: {error}")

    def _release(self, message: Mapping[str, Any]) -> None:
        """Gives a message back at once, for another consumer."""
        with contextlib.suppress(Exception):  # it comes again after the visibility timeout
            self._sqs().change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )


class _Exec:
    """Runs a command by `lastbeat exec`. The ticket goes into its environment, and never onto the command line."""

    def __init__(
        self,
        command: Sequence[str],
        urls: Union[str, Sequence[str], None],
        environment: Optional[Mapping[str, str]],
    ) -> None:
        if isinstance(command, str) or not command:
            raise ValueError("command is a list of words, such as ['python', 'train.py']")
        self._line: List[str] = [binary(), "exec", "--", *command]
        self._environment = environment
        self._urls = urls if urls is None or isinstance(urls, str) else ",".join(urls)

    def __call__(self, requeue: Requeue) -> Child:
        environment = dict(os.environ if self._environment is None else self._environment)
        environment["LASTBEAT_TICKET"] = requeue.ticket
        environment["LASTBEAT_START_BY"] = format_instant(int(requeue.start_by.timestamp() * 1000))
        if self._urls is not None:
            environment["LASTBEAT_URL"] = self._urls
        # Ctrl-C on a terminal reaches its whole process group. What a child is told is decided here alone.
        return subprocess.Popen(self._line, env=environment, start_new_session=True)  # noqa: S603 - the user's command


class _Process:
    """A multiprocessing.Process as a child."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self.terminate: Callable[[], None] = process.terminate

    def poll(self) -> Optional[int]:
        code: Optional[int] = self._process.exitcode
        return code


def _child_of(made: object) -> Optional[Child]:
    """What a start function has returned, if it can be waited for."""
    if not callable(getattr(made, "terminate", None)):
        return None
    if callable(getattr(made, "poll", None)):
        return made  # type: ignore[return-value]
    return _Process(made) if hasattr(made, "exitcode") else None


def _pause(failures: int) -> float:
    """Half of it is left to chance, so that consumers do not come back together."""
    longest = min(_LONGEST_PAUSE_SECONDS, 2.0 ** min(failures, 10))
    return longest * (1 - random.random() / 2)  # noqa: S311 - dice, not a secret


def _made_client(queue_url: str) -> SqsClient:
    try:
        import boto3
        import botocore.config
    except ImportError as error:
        raise LastbeatError(
            "reading SQS needs boto3: pip install 'lastbeat[sqs]', or Consumer(..., client=...)"
        ) from error
    host = queue_url.split("/")[2] if queue_url.count("/") > 2 else ""
    parts = host.split(".")
    region = parts[1] if len(parts) > 3 and parts[0] == "sqs" else None
    # The answer to a long poll takes as long as the poll.
    config = botocore.config.Config(read_timeout=_WAIT_SECONDS + 10, retries={"max_attempts": 1})
    made: SqsClient = boto3.client("sqs", region_name=region, config=config)
    return made
