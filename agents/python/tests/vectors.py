"""The vectors that bind all agents (agents/vectors), as inputs and actions of this heart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

from lastbeat.answer import Answer, Ok, Problem, Unclear, beat_body, claim_body, finish_body
from lastbeat.heart import new_heart, step, wake_at
from lastbeat.heart.words import (
    Action,
    Beat,
    Beaten,
    ChildEnd,
    Claim,
    Claimed,
    Exit,
    Exited,
    Finish,
    Input,
    Notice,
    Noticed,
    OutOfMemory,
    Own,
    Progressed,
    Reported,
    Say,
    Signal,
    Signaled,
    Start,
    Wake,
)
from lastbeat.times import Instant, Span
from lastbeat.wire import Progress

FOLDER = Path(__file__).parents[2] / "vectors"

Json = Dict[str, Any]

_BODIES: Dict[str, Any] = {"claimed": claim_body, "beaten": beat_body, "reported": finish_body}


def _answer(kind: str, given: Json) -> Answer[Any]:
    if given["kind"] == "ok":
        body = _BODIES[kind](given["body"])
        assert body is not None, given
        return Ok(body)
    if given["kind"] == "problem":
        return Problem(given["name"], given["detail"], given.get("retryAfter"))
    return Unclear(given["detail"], given.get("retryAfter"))


def input_of(given: Json) -> Input:
    kind = given["kind"]
    if kind == "wake":
        return Wake()
    if kind == "claimed":
        return Claimed(given["sentAt"], _answer(kind, given["answer"]))
    if kind == "beaten":
        return Beaten(given["sentAt"], _answer(kind, given["answer"]), given.get("wallAt"))
    if kind == "reported":
        return Reported(_answer(kind, given["answer"]))
    if kind == "signaled":
        return Signaled(given["signal"], given["number"])
    if kind == "progressed":
        return Progressed(Progress(**given["progress"]) if "progress" in given else None)
    if kind == "noticed":
        return Noticed(given["notice"], given.get("at"), given.get("deadline"), given.get("wallAt"))
    assert kind == "exited"
    end = given["end"]
    memory = OutOfMemory(end["outOfMemory"].get("limitBytes")) if "outOfMemory" in end else None
    return Exited(ChildEnd(end["status"], end.get("exitCode"), end.get("signal"), end.get("message"), memory))


def _wire(action: Action) -> Json:
    if isinstance(action, Claim):
        return {"do": "claim"}
    if isinstance(action, Start):
        return {"do": "start", "attempt": action.attempt, "fence": action.fence}
    if isinstance(action, Beat):
        progress = None if action.progress is None else action.progress.to_wire()
        return {"do": "beat", "token": action.token, "progress": progress}
    if isinstance(action, Signal):
        return {"do": "signal", "signal": action.signal}
    if isinstance(action, Notice):
        return {
            "do": "notice",
            "token": action.token,
            "kind": action.kind,
            "at": action.at,
            "deadline": action.deadline,
        }
    if isinstance(action, Finish):
        return {"do": "finish", "token": action.token, "report": action.report.to_wire()}
    if isinstance(action, Say):
        return {"do": "say", "line": action.line}
    assert isinstance(action, Exit)
    return {"do": "exit", "code": action.code, "why": action.why}


def wire_of(action: Action) -> Json:
    return {name: value for name, value in _wire(action).items() if value is not None}


def _own(given: Json) -> Own:
    names = ("drain", "stall", "startBy", "reportFor", "onInterrupt")
    return Own(*(given.get(name) for name in names))


class Difference(NamedTuple):
    where: str
    got: object
    want: object


class Played(NamedTuple):
    lives: int
    steps: int
    difference: Optional[Difference]


def _lives() -> Iterator[Json]:
    for file in sorted(FOLDER.glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                yield {"where": f"{file.name}:{number}", **json.loads(line)}


def play() -> Played:
    """Plays every step of every life, up to the first difference."""
    lives = steps = 0
    for life in _lives():
        lives += 1
        heart = new_heart(Span(life["lease"]), Instant(life["start"]), _own(life["own"]))
        for index, want in enumerate(life["steps"]):
            steps += 1
            heart, actions = step(heart, input_of(want["input"]), want["now"], want["roll"])
            got: List[object] = [[wire_of(one) for one in actions], heart.phase, wake_at(heart)]
            wanted = [want["actions"], want["phase"], want.get("wakeAt")]
            if got != wanted:
                where = f"{life['where']} step {index}, {want['input']}"
                return Played(lives, steps, Difference(where, got, wanted))
    return Played(lives, steps, None)
