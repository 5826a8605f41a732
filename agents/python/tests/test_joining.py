"""The ticket of a run that an orchestrator starts by itself."""

from __future__ import annotations

import sys
from typing import Any, Dict, List

import pytest
from door import Asked, Door, Reply, problem, ticket_of

from lastbeat import Client, NoAnswer, NotLastbeats, Refused
from lastbeat.joining import Joined, Over, join
from lastbeat.prefect import command_of, is_new, run_engine, spec_of

QUEUED: Dict[str, Any] = {"state": "queued", "attempt": 1, "fence": 7}


class Steps:
    """A clock that only a sleep moves."""

    def __init__(self) -> None:
        self.at = 0.0
        self.said: List[str] = []

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def join(self, door: Door, is_new: bool = True, is_alone: bool = False) -> Joined:
        return join(
            Client(door.url),
            "etl",
            {},
            patience_seconds=60,
            is_new=lambda _: is_new,
            is_alone=is_alone,
            say=self.said.append,
            now=self.now,
            sleep=self.sleep,
        )


def one_after_another(*answers: Reply) -> Any:
    """Each request gets the next answer, and the last one again and again."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def test_whoever_comes_first_registers_the_run_and_gets_its_ticket(door: Door) -> None:
    door.answer = lambda _: (201, {**QUEUED, "run": "etl", "ticket": ticket_of()})
    joined = Steps().join(door)
    assert (joined.run, joined.attempt, joined.ticket) == ("etl", 1, ticket_of())
    assert [(one.method, one.path) for one in door.asked] == [("PUT", "/v1/runs/etl")]


def test_it_waits_for_an_attempt_before_and_says_so_once(door: Door) -> None:
    running = (200, {"state": "running", "attempt": 1, "fence": 7})
    door.answer = one_after_another(running, running, (200, {**QUEUED, "attempt": 2, "ticket": ticket_of()}))
    steps = Steps()
    assert steps.join(door).attempt == 2
    assert steps.said == ["waits: attempt 1 of etl is running"]


def test_it_does_not_wait_for_ever_for_a_run_that_another_process_has(door: Door) -> None:
    door.answer = lambda _: (200, {"state": "running", "attempt": 2, "fence": 8})
    steps = Steps()
    with pytest.raises(Over, match="no ticket after 60 s: attempt 2 of etl is running"):
        steps.join(door)
    assert steps.at == 60


ENDED = (200, {"state": "ended", "attempt": 1, "fence": 7, "outcome": "failed"})


def test_work_that_is_started_again_after_its_run_has_ended_is_another_run(door: Door) -> None:
    door.answer = one_after_another(ENDED, ENDED, (201, {**QUEUED, "ticket": ticket_of()}))
    assert Steps().join(door).run == "etl.3"
    door.answer = lambda _: ENDED
    with pytest.raises(Over, match="has ended 100 times"):
        Steps().join(door)


def test_a_process_that_was_started_for_the_run_that_has_ended_does_nothing(door: Door) -> None:
    door.answer = lambda _: ENDED
    with pytest.raises(Over, match="etl has ended: failed"):
        Steps().join(door, is_new=False)
    running = (200, {"state": "running", "attempt": 1, "fence": 7})
    door.answer = one_after_another(running, ENDED, (201, {**QUEUED, "ticket": ticket_of()}))
    assert Steps().join(door, is_alone=True).run == "etl.2"
    door.answer = one_after_another((200, {"state": "running", "attempt": 1, "fence": 7}), ENDED)
    with pytest.raises(Over, match="etl has ended: failed"):
        Steps().join(door)


def test_a_spec_that_has_changed_meanwhile_keeps_nobody_from_the_ticket(door: Door) -> None:
    def answer(asked: Asked) -> Reply:
        return problem("run-exists", 409) if asked.method == "PUT" else (200, {**QUEUED, "ticket": ticket_of()})

    door.answer = answer
    assert Steps().join(door).ticket == ticket_of()
    assert [one.path for one in door.asked] == ["/v1/runs/etl", "/v1/runs/etl/ticket"]


def test_a_spec_that_is_wrong_is_refused_at_once(door: Door) -> None:
    door.answer = lambda _: problem("invalid", 422)
    with pytest.raises(Refused, match="invalid"):
        Steps().join(door)


@pytest.mark.parametrize("status", [429, 500, 502, 504])
def test_a_gateway_that_fails_is_asked_again(door: Door, status: int) -> None:
    door.answer = one_after_another((status, {"message": "oh"}), (201, {**QUEUED, "ticket": ticket_of()}))
    assert Steps().join(door).ticket == ticket_of()


def test_a_front_door_that_does_not_answer_is_asked_again(door: Door) -> None:
    steps = Steps()
    door.stop()
    with pytest.raises(NoAnswer, match="no front door answers"):
        steps.join(door)
    assert steps.said[0].startswith("waits: no front door answers")


FLOW_RUN = "0e8cfa6e-0000-4000-8000-000000000001"
OF_PREFECT = {"LASTBEAT_TARGET": "prod", "PREFECT__FLOW_RUN_ID": FLOW_RUN}


def test_a_flow_run_has_a_spec_with_its_target_and_its_names() -> None:
    spec = spec_of(
        {
            **OF_PREFECT,
            "PREFECT__WORKER_NAME": "one",
            "PREFECT__FLOW_NAME": "etl",
            "PREFECT__DEPLOYMENT_NAME": "d" * 300,
            "LASTBEAT_SPEC": '{"leaseSeconds": 60, "labels": {"team": "ml"}, "target": {"kind": "queue"}}',
        }
    )
    assert spec == {
        "leaseSeconds": 60,
        "labels": {"prefect.flow": "etl", "prefect.deployment": "d" * 256, "team": "ml"},
        "target": {"kind": "prefect", "name": "prod", "flowRun": FLOW_RUN},
    }


@pytest.mark.parametrize(
    ("environment", "error"),
    [
        ({"LASTBEAT_TARGET": "prod"}, "PREFECT__FLOW_RUN_ID is not set"),
        ({"PREFECT__FLOW_RUN_ID": FLOW_RUN}, "LASTBEAT_TARGET is not set"),
        ({**OF_PREFECT, "LASTBEAT_SPEC": "{"}, "LASTBEAT_SPEC is not JSON"),
        ({**OF_PREFECT, "LASTBEAT_SPEC": "[]"}, "LASTBEAT_SPEC is not an object"),
        ({**OF_PREFECT, "LASTBEAT_SPEC": '{"labels": 1}'}, "labels of LASTBEAT_SPEC are no object"),
    ],
)
def test_what_is_missing_is_named(environment: Dict[str, str], error: str) -> None:
    with pytest.raises(NotLastbeats, match=error):
        spec_of(environment)


def test_the_command_is_the_engine_or_what_follows() -> None:
    assert command_of([])[1:] == ["-m", "prefect.engine"]
    assert command_of(["--", "prefect", "flow-run", "execute"]) == ["prefect", "flow-run", "execute"]
    for wrong in (["prefect"], ["--"]):
        with pytest.raises(NotLastbeats, match="called as"):
            command_of(wrong)


def of_prefect(door: Door, state: str, at: str = "2026-11-28T12:00:00.123456Z") -> Dict[str, str]:
    """The variables of a flow run that Prefect says this of."""
    door.answer = lambda _: (200, {"state": {"type": state, "timestamp": at}})
    return {**OF_PREFECT, "PREFECT_API_URL": f"{door.url}/api", "PREFECT_API_KEY": "pnu"}


@pytest.mark.parametrize(
    ("state", "code"),
    [("COMPLETED", 0), ("SCHEDULED", 0), ("PAUSED", 0), ("FAILED", 1), ("CRASHED", 1), ("CANCELLED", 130)],
)
def test_an_engine_that_leaves_with_0_has_ended_as_prefect_says(door: Door, state: str, code: int) -> None:
    environment = of_prefect(door, state)
    assert run_engine([sys.executable, "-c", ""], environment) == code
    assert [(one.path, one.headers["authorization"]) for one in door.asked] == [
        (f"/api/flow_runs/{FLOW_RUN}", "Bearer pnu")
    ]


def test_any_other_end_of_an_engine_is_its_own(door: Door) -> None:
    environment = of_prefect(door, "COMPLETED")
    assert run_engine([sys.executable, "-c", "raise SystemExit(3)"], environment) == 3
    assert run_engine([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], environment) == -9
    assert door.asked == []


def test_a_process_is_for_a_new_run_if_prefect_has_submitted_it_since(door: Door) -> None:
    before, after = {"endedAt": "2026-11-28T11:59:59.000Z"}, {"endedAt": "2026-11-28T12:00:01.000Z"}
    environment = of_prefect(door, "PENDING")
    assert is_new(environment, before)
    assert not is_new(environment, after)
    assert not is_new(environment, {})
    assert not is_new(of_prefect(door, "RUNNING"), before)
    door.answer = lambda _: (503, {})
    assert not is_new(environment, before)
