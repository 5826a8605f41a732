"""Runs the engine of a flow run of Prefect 3 under an attempt: `python -m lastbeat.prefect [-- COMMAND]`.

It is the command of a work pool. Without COMMAND it runs `python -m prefect.engine`, as a process worker does. It needs
these variables: LASTBEAT_URL, and LASTBEAT_TARGET, the name of the server in the settings of the deployment.
LASTBEAT_SPEC may have the spec of the runs as JSON. All variables of `lastbeat exec` count as well.

Twice it is its own parent: first it gets a ticket and becomes `lastbeat exec`, which starts it again with `--engine`.
That one runs COMMAND, and asks Prefect how the flow run has ended: an engine leaves with 0 also after a failure.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from typing import Any, Dict, List, Mapping, NoReturn, Optional

from .client import Client
from .errors import LastbeatError, NotLastbeats
from .joining import Joined, Json, Over, join, needed, spec_from
from .log import to_stderr
from .program import AGENT_ERROR, become, binary
from .times import parse_instant
from .transport import Failed, Request, exchange

# An attempt that is lost is known to be lost within a lease and two sweeps. A process that waits takes a slot.
_PATIENCE_SECONDS = 300.0

_ENGINE = [sys.executable, "-m", "prefect.engine"]

# An attempt that is not ours any more leaves with 0, as does one whose flow run was canceled. For any other code the
# worker here would report CRASHED, and Prefect takes that although the next attempt runs by then.
_EXIT_MAP = "80=0,81=0,130=0"

# Names of Prefect's that say which work this is.
_LABELS = {"prefect.deployment": "PREFECT__DEPLOYMENT_NAME", "prefect.flow": "PREFECT__FLOW_NAME"}

# How long Prefect is asked how the flow run has ended, and how long for one answer.
_ASKED_FOR_SECONDS = 900.0
_ANSWER_SECONDS = 10.0
_MOST_BYTES = 10 * 1024 * 1024

# What the agent passes on to its command.
_FORWARDED = tuple(
    getattr(signal, name)
    for name in [
        "SIGTERM",
        "SIGINT",
        "SIGHUP",
        "SIGQUIT",
        "SIGUSR1",
        "SIGUSR2",
        "SIGALRM",
        "SIGVTALRM",
        "SIGXCPU",
        "SIGXFSZ",
        "SIGPWR",
        "SIGIO",
    ]
    if hasattr(signal, name)
)

# The engine has done its part: the flow run has succeeded, or waits for a person or a worker.
_DONE = ("COMPLETED", "PAUSED", "SCHEDULED")
_CANCELED = ("CANCELLED", "CANCELLING")


def spec_of(environment: Mapping[str, str]) -> Dict[str, object]:
    """The spec of a flow run: what its pool asks for, its target, and its names. Raises NotLastbeats."""
    name = needed("LASTBEAT_TARGET", environment)
    target = {"kind": "prefect", "name": name, "flowRun": flow_run_of(environment)}
    labels = {label: environment[variable] for label, variable in _LABELS.items() if environment.get(variable)}
    return spec_from(environment, target, labels)


def flow_run_of(environment: Mapping[str, str]) -> str:
    """The flow run that this process is started for. Raises NotLastbeats."""
    return needed("PREFECT__FLOW_RUN_ID", environment)


def command_of(arguments: List[str]) -> List[str]:
    """The command after `--`, or the engine."""
    if not arguments:
        return list(_ENGINE)
    if arguments[0] != "--" or len(arguments) < 2:
        raise NotLastbeats("this is called as python -m lastbeat.prefect [-- COMMAND ARGUMENTS]")
    return arguments[1:]


def state_of(environment: Mapping[str, str]) -> Optional[Json]:
    """The state of the flow run, as Prefect says now; None if it does not answer."""
    headers: Dict[str, str] = {}
    pair = environment.get("PREFECT_API_AUTH_STRING")
    key = environment.get("PREFECT_API_KEY")
    if key:
        headers["authorization"] = f"Bearer {key}"
    elif pair:
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    url = f"{needed('PREFECT_API_URL', environment).rstrip('/')}/flow_runs/{flow_run_of(environment)}"
    try:
        answer = exchange(Request("GET", url, headers, None), _ANSWER_SECONDS, _MOST_BYTES)
        state: Any = json.loads(answer.body)["state"]
        return state if answer.status == 200 and isinstance(state, dict) else None
    except (Failed, ValueError, KeyError, TypeError):
        return None


def is_new(environment: Mapping[str, str], ended: Json) -> bool:
    """Whether this process was started after a run had ended: Prefect has submitted the flow run since."""
    state = state_of(environment)
    if state is None or state.get("type") != "PENDING":
        return False
    at, since = parse_instant(ended.get("endedAt")), parse_instant(state.get("timestamp"))
    return at is not None and since is not None and since > at


def joined(environment: Mapping[str, str]) -> Joined:
    """The ticket of the attempt that this process may become."""
    client = Client(needed("LASTBEAT_URL", environment))
    return join(
        client,
        f"prefect-{flow_run_of(environment)}",
        spec_of(environment),
        patience_seconds=_PATIENCE_SECONDS,
        is_new=lambda ended: is_new(environment, ended),
        is_alone=False,
        say=to_stderr,
    )


def run_engine(command: List[str], environment: Mapping[str, str]) -> int:
    """Runs the engine, and returns the exit code that says how its flow run has ended; 130 if it was canceled."""
    engine = subprocess.Popen(command)  # noqa: S603 - the command of the pool
    code = engine.wait()
    if code != 0:
        return code
    until = time.monotonic() + _ASKED_FOR_SECONDS
    while True:
        state = state_of(environment)
        kind = None if state is None else state.get("type")
        if kind in _DONE and not _is_ours(state):
            return 0
        if kind in _CANCELED:
            return 128 + signal.SIGINT
        if kind is not None:
            to_stderr(f"the engine has left with 0, and Prefect says {kind}")
            return 1
        if time.monotonic() >= until:
            to_stderr("the engine has left with 0, and Prefect does not say how the flow run has ended")
            return 1
        time.sleep(1)


def _is_ours(state: Optional[Json]) -> bool:
    """Whether Lastbeat has given the flow run to another process: this one has not done its part."""
    return state is not None and str(state.get("message") or "").startswith("Lastbeat:")


def _stand_by() -> None:
    """Signals reach the engine as well, which is in the same group. This process waits for its end."""
    for number in _FORWARDED:
        signal.signal(number, lambda *_: None)


def leave(code: int) -> NoReturn:
    """Ends this process as its engine has ended, also by a signal."""
    number = -code if code < 0 else (signal.SIGINT if code == 128 + signal.SIGINT else 0)
    if number:
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    sys.exit(code)


def main() -> NoReturn:
    """Becomes `lastbeat exec` in front of the engine. Leaves with 0 if there is nothing to do."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--engine"]:
        _stand_by()
        leave(run_engine(arguments[1:], os.environ))
    try:
        command = command_of(arguments)
        needed("PREFECT_API_URL", os.environ)
        binary()  # before the run is registered: nobody could start it
        ticket = joined(os.environ).ticket
    except Over as error:
        to_stderr(f"there is nothing to do here: {error}")
        sys.exit(0)
    except LastbeatError as error:
        sys.stderr.write(f"lastbeat: {error}\n")
        sys.exit(AGENT_ERROR)
    authority = os.environ.get("PREFECT_API_SSL_CERT_FILE")
    trust = {} if authority is None else {"SSL_CERT_FILE": authority}
    own = {**trust, "LASTBEAT_EXIT_MAP": _EXIT_MAP, "LASTBEAT_ON_INTERRUPT": "cancel"}
    engine = [sys.executable, "-m", "lastbeat.prefect", "--engine", *command]
    become(["exec", "--", *engine], {**own, **os.environ, "LASTBEAT_TICKET": ticket})


if __name__ == "__main__":
    main()
