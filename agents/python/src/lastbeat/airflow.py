"""A plugin of Airflow 3: each task runs under an attempt.

Airflow loads it by itself where this package is installed. It does nothing without LASTBEAT_TARGET, the name of the
server in the settings of the deployment. LASTBEAT_URL names the front door, and LASTBEAT_SPEC may have the spec of the
runs as JSON. No DAG has to change.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import time
from typing import Any, Dict, Mapping, Optional

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

from .attempt import Attempt
from .client import Client
from .errors import LastbeatError, Stop
from .joining import join, needed, spec_from
from .log import to_stderr
from .times import parse_instant

# An attempt that is lost is known to be lost within a lease and two sweeps, or 15 minutes later if all went silent. A
# task that waits takes a slot, and one that gives up takes a retry.
_PATIENCE_SECONDS = 1200.0

# A try that Airflow starts later than this after a cancel was asked for since: its executors start one within minutes.
_ON_ITS_WAY_MS = 15 * 60_000

# The longest id of a run, with room for the `.2` of a later one.
_MOST_ID_LENGTH = 124

# What the starter of the service compares: lib/dispatch/airflow/starter.ts.
TRY_NUMBER = "airflowTry"

# The attempt of this process: a task has a process of its own.
_attempt: Optional[Attempt] = None


def run_of(dag: str, dag_run: str, task: str, map_index: int) -> str:
    """The id of the run of a task instance, the same for all its tries."""
    parts = [dag, dag_run, task] if map_index < 0 else [dag, dag_run, task, str(map_index)]
    name = "airflow/" + "/".join(parts)
    # What ends like the `.2` of a later run would be taken for one.
    is_later = re.search(r"\.[0-9]+$", name) is not None
    if len(name) <= _MOST_ID_LENGTH and all(_is_part(part) for part in parts) and not is_later:
        return name
    return "airflow/" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _is_part(part: str) -> bool:
    """Whether it may stand in the id of a run: letters, digits, and some signs after the first."""
    return part[:1].isalnum() and part.isascii() and all(one.isalnum() or one in "_.:+-" for one in part)


def target_of(name: str, instance: Any) -> Dict[str, object]:
    mapped = {} if instance.map_index < 0 else {"mapIndex": instance.map_index}
    return {
        "kind": "airflow",
        "name": name,
        "dag": instance.dag_id,
        "dagRun": instance.run_id,
        "task": instance.task_id,
        **mapped,
    }


def begin(instance: Any, environment: Mapping[str, str]) -> Attempt:
    """Waits for the ticket of the next attempt of a task instance, and claims it."""
    labels = {"airflow.dag": instance.dag_id, "airflow.task": instance.task_id}
    spec = spec_from(environment, target_of(needed("LASTBEAT_TARGET", environment), instance), labels)
    url = needed("LASTBEAT_URL", environment)
    run = run_of(instance.dag_id, instance.run_id, instance.task_id, instance.map_index)
    joined = join(
        Client(url), run, spec, patience_seconds=_PATIENCE_SECONDS, is_new=is_new, is_alone=True, say=to_stderr
    )
    attempt = Attempt(
        joined.ticket,
        url,
        on_term="interrupt",
        on_stop=_let_task_clean_up,
        facts={TRY_NUMBER: str(instance.try_number)},
    )
    return attempt.__enter__()


def is_new(ended: Mapping[str, Any]) -> bool:
    """Whether a try that starts now belongs to another run than the one that has ended.

    Airflow itself starts no try of a task that has ended, so somebody has asked for it, or its own retry. A run
    that was canceled keeps out the try that was on its way.
    """
    at = parse_instant(ended.get("endedAt"))
    is_canceled = ended.get("outcome") == "canceled"
    return not is_canceled or (at is not None and time.time() * 1000 > at + _ON_ITS_WAY_MS)


def _let_task_clean_up(*_: object) -> None:
    """Airflow's own handler calls `on_kill` of the operator, which ends what it has started elsewhere."""
    os.kill(os.getpid(), signal.SIGTERM)


def end(error: Optional[BaseException]) -> None:
    """Reports the end of the attempt, if there is one that has not ended."""
    global _attempt
    attempt, _attempt = _attempt, None
    if attempt is None:
        return
    try:
        attempt.__exit__(None if error is None else type(error), error, None)
    except (LastbeatError, Stop) as told:
        to_stderr(f"the end of this task does not count: {told}")


@hookimpl
def on_task_instance_running(previous_state: Any, task_instance: Any) -> None:  # noqa: ARG001 - Airflow's names
    """Starts the attempt of a task. A task that may not start here fails, and Airflow's own retries go on."""
    global _attempt
    # A sensor that is rescheduled has a process for each poke, of a few seconds.
    if not os.environ.get("LASTBEAT_TARGET") or getattr(task_instance.task, "reschedule", False):
        return
    try:
        _attempt = begin(task_instance, os.environ)
    except Exception as error:
        # Airflow goes on after any exception of a listener; this is none of those that it catches.
        raise SystemExit(f"lastbeat: {error}") from error


@hookimpl
def on_task_instance_success(previous_state: Any, task_instance: Any) -> None:  # noqa: ARG001
    """The task has succeeded."""
    end(None)


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:  # noqa: ARG001
    """The task has failed, or was interrupted."""
    # What an operator raises when it is stopped is its own. It was stopped all the same.
    if _attempt is not None and _attempt.should_stop:
        end(KeyboardInterrupt())
        return
    end(error if isinstance(error, BaseException) else RuntimeError(str(error)))


@hookimpl
def before_stopping(component: Any) -> None:  # noqa: ARG001
    """The process leaves: a task that is deferred, skipped or rescheduled has done its part."""
    end(None)


class LastbeatPlugin(AirflowPlugin):  # type: ignore[misc] # Airflow is not here when this is checked
    """Names the listener: this module."""

    name = "lastbeat"

    def __init__(self) -> None:
        import sys

        self.listeners = [sys.modules[__name__]]
