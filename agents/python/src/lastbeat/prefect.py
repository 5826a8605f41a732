"""Runs the engine of a flow run of Prefect 3 under an attempt: `python -m lastbeat.prefect [-- COMMAND]`.

It is the command of a work pool. Without COMMAND it runs `python -m prefect.engine`, as a process worker does. It needs
these variables: LASTBEAT_URL, and LASTBEAT_TARGET, the name of the server in the settings of the deployment.
LASTBEAT_SPEC may have the spec of the runs as JSON. All variables of `lastbeat exec` count as well.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Dict, List, Mapping, NoReturn

from .client import Client
from .errors import LastbeatError, NotLastbeats
from .joining import Joined, join
from .log import to_stderr
from .program import AGENT_ERROR, become, binary

# A machine that is lost is declared lost within a lease and two sweeps; no lease is longer than an hour.
_PATIENCE_SECONDS = 3700.0

_ENGINE = [sys.executable, "-m", "prefect.engine"]

# An attempt that is not ours any more leaves with 0. For any other code the worker here would report CRASHED, and
# Prefect takes that although the next attempt runs by then.
_EXIT_MAP = "80=0,81=0"

# Names of Prefect's that say which work this is.
_LABELS = {
    "prefect.deployment": "PREFECT__DEPLOYMENT_NAME",
    "prefect.flow": "PREFECT__FLOW_NAME",
    "prefect.worker": "PREFECT__WORKER_NAME",
}

# What a label may have.
_MOST_LABEL_LENGTH = 256


def spec_of(environment: Mapping[str, str]) -> Dict[str, object]:
    """The spec of a flow run: what its pool asks for, its target, and its names. Raises NotLastbeats."""
    text = environment.get("LASTBEAT_SPEC", "").strip() or "{}"
    try:
        asked = json.loads(text)
    except ValueError as error:
        raise NotLastbeats(f"LASTBEAT_SPEC is not JSON: {error}") from None
    if not isinstance(asked, dict):
        raise NotLastbeats('LASTBEAT_SPEC is not an object, as {"leaseSeconds": 120}')
    labels = {name: environment[variable] for name, variable in _LABELS.items() if environment.get(variable)}
    own = asked.get("labels", {})
    if not isinstance(own, dict):
        raise NotLastbeats("the labels of LASTBEAT_SPEC are no object")
    return {
        **asked,
        "target": {
            "kind": "prefect",
            "name": needed("LASTBEAT_TARGET", environment),
            "flowRun": flow_run_of(environment),
        },
        "labels": {**{name: value[:_MOST_LABEL_LENGTH] for name, value in labels.items()}, **own},
    }


def flow_run_of(environment: Mapping[str, str]) -> str:
    """The flow run that this process is started for. Raises NotLastbeats."""
    return needed("PREFECT__FLOW_RUN_ID", environment)


def needed(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise NotLastbeats(f"{name} is not set: docs/prefect.md says who sets it")
    return value


def command_of(arguments: List[str]) -> List[str]:
    """The command after `--`, or the engine."""
    if not arguments:
        return list(_ENGINE)
    if arguments[0] != "--" or len(arguments) < 2:
        raise NotLastbeats("this is called as python -m lastbeat.prefect [-- COMMAND ARGUMENTS]")
    return arguments[1:]


def joined(environment: Mapping[str, str]) -> Joined:
    """The ticket of the attempt that this process may become."""
    client = Client(needed("LASTBEAT_URL", environment))
    run = f"prefect-{flow_run_of(environment)}"
    return join(client, run, spec_of(environment), patience_seconds=_PATIENCE_SECONDS, say=to_stderr)


def main() -> NoReturn:
    """Becomes `lastbeat exec` in front of the engine. The exit code is that of the engine, or 125."""
    try:
        command = command_of(sys.argv[1:])
        binary()  # before the run is registered: nobody could start it
        ticket = joined(os.environ).ticket
    except LastbeatError as error:
        sys.stderr.write(f"lastbeat: {error}\n")
        sys.exit(AGENT_ERROR)
    become(["exec", "--", *command], {"LASTBEAT_EXIT_MAP": _EXIT_MAP, **os.environ, "LASTBEAT_TICKET": ticket})


if __name__ == "__main__":
    main()
