from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator, List

import pytest
from door import Door
from processes import Program, Server, environment_of, program

Run = Callable[..., Program]


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The embedded server, and nothing in the environment that another attempt has left there."""
    for name in ("LASTBEAT_TICKET", "LASTBEAT_URL", "LASTBEAT_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LASTBEAT_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("LASTBEAT_IMDS", "off")
    return shared_server


@pytest.fixture
def own_server() -> Iterator[Server]:
    """An embedded server that a test may stop, or freeze."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def run(server: Server, tmp_path: Path) -> Iterator[Run]:
    """Runs a program with an attempt in it."""
    started: List[Program] = []

    def start(text: str, ticket: str, url: str = server.url, **environment: str) -> Program:
        started.append(program(text, environment_of(url, ticket, tmp_path, **environment)))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.stop()
