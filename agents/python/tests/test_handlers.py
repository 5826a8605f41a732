"""Handlers that leave the ones before them in place. The signals are real, and come to this very process."""

from __future__ import annotations

import os
import signal
import threading
from typing import Iterator, List

import pytest
from processes import until

from lastbeat.errors import Stop
from lastbeat.handlers import Handlers
from lastbeat.reaction import Reaction


@pytest.fixture(autouse=True)
def handlers_from_before() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_the_handler_from_before_is_called_unless_the_signal_was_for_us() -> None:
    heard: List[str] = []
    signal.signal(signal.SIGUSR1, lambda *_: heard.append("before"))
    is_ours = [False, True]
    handlers = Handlers()

    def act() -> bool:
        heard.append("ours")
        return is_ours.pop(0)

    handlers.install(signal.SIGUSR1, act)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGUSR1)
    assert heard == ["ours", "before", "ours"]
    handlers.restore()
    os.kill(os.getpid(), signal.SIGUSR1)
    assert heard == ["ours", "before", "ours", "before"]


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    handlers = Handlers()
    handlers.install(signal.SIGUSR1, lambda: pytest.fail("it is ignored"))
    os.kill(os.getpid(), signal.SIGUSR1)
    handlers.restore()
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN


def test_a_handler_in_front_of_ours_stays() -> None:
    handlers = Handlers()
    handlers.install(signal.SIGUSR1, lambda: True)
    later = lambda *_: None  # noqa: E731 - a handler of somebody else's
    signal.signal(signal.SIGUSR1, later)
    handlers.restore()
    assert signal.getsignal(signal.SIGUSR1) is later


def test_another_thread_leaves_the_handlers_alone() -> None:
    handlers = Handlers()
    handlers.install(signal.SIGUSR1, lambda: True)
    ours = signal.getsignal(signal.SIGUSR1)
    thread = threading.Thread(target=handlers.restore)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGUSR1) is ours
    handlers.restore()
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


def _reaction(on_term: str, said: List[str]) -> Reaction:
    reaction = Reaction(on_term, False, None, said.append)
    reaction.install(lambda name, number: said.append(name), lambda: Stop(82, "a drain"))
    return reaction


def test_an_interrupt_is_raised_once_and_a_ctrl_c_is_one() -> None:
    reaction = _reaction("interrupt", [])
    with pytest.raises(KeyboardInterrupt):
        reaction.ask_to_leave()
    reaction.ask_to_leave()  # it was asked
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    reaction.close()


def test_an_exit_is_raised_with_its_reason_and_a_sigterm_is_told() -> None:
    said: List[str] = []
    reaction = _reaction("exit", said)
    os.kill(os.getpid(), signal.SIGTERM)
    assert said == ["SIGTERM"]
    with pytest.raises(Stop, match="a drain") as stop:
        reaction.ask_to_leave()
    assert stop.value.code == 82
    reaction.close()


@pytest.mark.parametrize("on_term", ["interrupt", "exit"])
def test_nothing_is_raised_when_the_work_is_over(on_term: str) -> None:
    said: List[str] = []
    reaction = _reaction(on_term, said)
    # The request comes from the thread of the heart, and the work ends before its signal does.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
    thread = threading.Thread(target=reaction.ask_to_leave)
    thread.start()
    thread.join()
    reaction.over.set()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGTERM])
    assert reaction.stopping.is_set()
    assert said == []
    reaction.close()


@pytest.mark.parametrize(("on_term", "number"), [("interrupt", signal.SIGINT), ("exit", signal.SIGTERM)])
def test_nothing_is_raised_by_a_signal_that_is_ignored(on_term: str, number: int) -> None:
    signal.signal(number, signal.SIG_IGN)
    reaction = _reaction(on_term, [])
    reaction.ask_to_leave()
    assert reaction.stopping.is_set()
    reaction.close()


def test_a_callback_that_fails_or_cannot_be_called_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said: List[str] = []
    for _ in range(2):
        reaction = Reaction("tell", False, lambda reason, deadline: 1 / 0, said.append)
        reaction.install(lambda name, number: None, lambda: Stop(82, "a drain"))
        reaction.ask_to_leave()
        until(lambda: said != [])
        monkeypatch.setattr("lastbeat.reaction.spawn", lambda name, run: False)
    assert said == [
        "on_stop has failed: ZeroDivisionError: division by zero",
        "on_stop is not called: this process cannot start a thread now",
    ]


def test_a_reaction_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="one of tell, interrupt, exit, not 'kill'"):
        Reaction("kill", False, None, print)
