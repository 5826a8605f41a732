"""The plugin of Airflow, without Airflow: a real one runs it in test/orchestrators/airflow."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType, SimpleNamespace
from typing import Any, Iterator, List

import pytest
from door import Asked, Door, Reply, problem, replies, ticket_of


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module, with as much of Airflow as it imports."""
    listeners, manager = ModuleType("airflow.listeners"), ModuleType("airflow.plugins_manager")
    listeners.hookimpl = lambda function: function  # type: ignore[attr-defined]
    manager.AirflowPlugin = object  # type: ignore[attr-defined]
    for name, module in (
        ("airflow", ModuleType("airflow")),
        ("airflow.listeners", listeners),
        ("airflow.plugins_manager", manager),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "lastbeat.airflow", raising=False)
    yield importlib.import_module("lastbeat.airflow")
    sys.modules.pop("lastbeat.airflow", None)


def task(**more: object) -> Any:
    return SimpleNamespace(
        **{
            "task": SimpleNamespace(),
            "dag_id": "etl",
            "run_id": "r1",
            "task_id": "load",
            "map_index": -1,
            "try_number": 3,
            **more,
        }
    )


@pytest.fixture
def switched_on(door: Door, monkeypatch: pytest.MonkeyPatch) -> Door:
    monkeypatch.setenv("LASTBEAT_URL", door.url)
    monkeypatch.setenv("LASTBEAT_TARGET", "prod")
    monkeypatch.setenv("LASTBEAT_IMDS", "off")

    def answer(asked: Asked) -> Reply:
        if asked.method == "PUT":
            return 201, {"state": "queued", "attempt": 1, "fence": 7, "ticket": ticket_of("airflow/etl/r1/load")}
        return replies()(asked)

    door.answer = answer
    return door


def outcomes(door: Door) -> List[object]:
    return [one.body["outcome"] for one in door.asked if one.path.endswith("/finish")]


def test_a_task_that_succeeds_is_a_run_that_has_succeeded(plugin: Any, switched_on: Door) -> None:
    plugin.on_task_instance_running(None, task())
    plugin.on_task_instance_success(None, task())
    plugin.before_stopping(None)
    registered, claimed = switched_on.asked[:2]
    assert registered.path == "/v1/runs/airflow~etl~r1~load"
    assert registered.body["target"] == {
        "kind": "airflow",
        "name": "prod",
        "dag": "etl",
        "dagRun": "r1",
        "task": "load",
    }
    assert claimed.body["holder"]["airflowTry"] == "3"
    assert outcomes(switched_on) == ["succeeded"]


def test_one_that_fails_has_failed(plugin: Any, switched_on: Door) -> None:
    plugin.on_task_instance_running(None, task())
    plugin.on_task_instance_failed(None, task(), "it is broken")
    assert outcomes(switched_on) == ["failed"]


def test_one_that_is_deferred_has_done_its_part(plugin: Any, switched_on: Door) -> None:
    plugin.on_task_instance_running(None, task())
    plugin.before_stopping(None)
    assert outcomes(switched_on) == ["succeeded"]


def test_one_that_was_stopped_is_interrupted_whatever_its_operator_raises(plugin: Any, switched_on: Door) -> None:
    plugin.on_task_instance_running(None, task())
    plugin._attempt.stopping.set()
    plugin.on_task_instance_failed(None, task(), RuntimeError("the child was killed"))
    assert len(outcomes(switched_on)) == 1
    assert outcomes(switched_on) != ["succeeded"]


def test_a_sensor_that_is_rescheduled_has_no_attempt(plugin: Any, switched_on: Door) -> None:
    plugin.on_task_instance_running(None, task(task=SimpleNamespace(reschedule=True)))
    assert switched_on.asked == []


def test_any_error_keeps_the_task_from_running(plugin: Any, switched_on: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTBEAT_STALL", "soon")
    with pytest.raises(SystemExit, match="LASTBEAT_STALL"):
        plugin.on_task_instance_running(None, task())


def test_without_a_target_nothing_is_asked(plugin: Any, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LASTBEAT_TARGET", raising=False)
    plugin.on_task_instance_running(None, task())
    plugin.on_task_instance_success(None, task())
    assert door.asked == []


def test_a_task_that_may_not_start_does_not_run(plugin: Any, switched_on: Door) -> None:
    switched_on.answer = lambda _: problem("invalid", 422, "target.name is no server of Airflow")
    with pytest.raises(SystemExit, match=r"target\.name is no server of Airflow"):
        plugin.on_task_instance_running(None, task())


def test_a_task_instance_has_one_run_for_all_its_tries(plugin: Any) -> None:
    assert plugin.run_of("etl", "manual__2026-11-28T00:00:00+00:00", "load", 4) == (
        "airflow/etl/manual__2026-11-28T00:00:00+00:00/load/4"
    )
    # The service knows the same names: test/app/dispatch.test.ts.
    assert plugin.run_of("etl", "r1", "extract.2", -1) == "airflow/540377f06afa8feff6529d18649fca85"
    for odd in ("räder", "a b", "_x", "x" * 250):
        name = plugin.run_of("etl", "r1", odd, -1)
        assert name.startswith("airflow/")
        assert len(name) == 40
    assert plugin.run_of("a", "b", "ä", -1) != plugin.run_of("a", "bä", "", -1)
    assert plugin.target_of("prod", task(map_index=2))["mapIndex"] == 2
