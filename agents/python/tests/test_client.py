from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any, List

import pytest
from door import BEATEN, CLAIMED, FINISHED, Door, Reply, problem, replies, ticket_of
from processes import Server

from lastbeat import (
    Answer,
    Client,
    FinishBody,
    LastbeatError,
    NotLastbeats,
    Ok,
    Progress,
    Refused,
    Report,
    Unanswered,
    Unclear,
)
from lastbeat.client import is_as_safe, is_near, segment_of
from lastbeat.failover import Failover
from lastbeat.signing import Signer
from lastbeat.transport import Request


def test_an_identity_that_is_no_file_is_not_waited_for(door: Door, tmp_path: Path) -> None:
    door.answer = replies()
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path / "pipe", Path("/dev/zero")):
        client = Client(door.url, identity_file=file)
        answers: List[object] = []
        thread = threading.Thread(target=lambda: answers.append(client.beat(ticket_of())), daemon=True)  # noqa: B023
        thread.start()
        thread.join(10)
        assert [type(one).__name__ for one in answers] == ["Ok"]
    assert all("x-lastbeat-identity" not in one.headers for one in door.asked)


def test_a_runner_shows_its_ticket_and_the_token_of_the_cluster(door: Door, tmp_path: Path) -> None:
    door.answer = replies()
    file = tmp_path / "identity"
    client = Client(door.url + "/", identity_file=file)
    ticket = ticket_of("shop/deploy:17+1")
    client.claim(ticket, {"id": "f" * 32})
    file.write_text("of-the-cluster\n")
    client.beat(ticket, Progress(3, 10, "epoch 3"))
    file.write_text("two\nlines")
    client.notice(ticket, "spot", "2026-11-22T12:00:00.000Z", "2026-11-22T12:02:00.000Z")
    answer = client.finish(ticket, Report("failed", exit_code=3))
    assert answer == Ok(FinishBody("ended", "succeeded"))
    assert [one.headers.get("x-lastbeat-identity") for one in door.asked] == [None, "Bearer of-the-cluster", None, None]
    assert {one.headers["authorization"] for one in door.asked} == {f"Bearer {ticket}"}
    assert [one.path for one in door.asked] == [
        f"/v1/runs/shop~deploy%3A17%2B1/{call}" for call in ("claim", "beat", "notice", "finish")
    ]
    assert [one.body for one in door.asked] == [
        {"holder": {"id": "f" * 32}},
        {"progress": {"value": 3, "of": 10, "note": "epoch 3"}},
        {"kind": "spot", "at": "2026-11-22T12:00:00.000Z", "deadline": "2026-11-22T12:02:00.000Z"},
        {"outcome": "failed", "exitCode": 3},
    ]


def test_what_is_no_ticket_is_not_sent(door: Door) -> None:
    with pytest.raises(NotLastbeats):
        Client(door.url).beat("secret\r\nx-evil: 1")
    assert door.asked == []


def test_after_an_unclear_answer_the_next_door_is_asked_and_all_reasons_are_told() -> None:
    doors = Failover(["https://a", "https://b"])
    asked: List[str] = []

    def away(address: str) -> Answer[None]:
        asked.append(address)
        return Unclear("away")

    def there(address: str) -> Answer[None]:
        asked.append(address)
        return Ok(None)

    doors.ask(away)
    answer = doors.ask(away)
    doors.ask(there)
    doors.ask(away)
    assert answer == Unclear("https://a: away; https://b: away")
    assert asked == ["https://a", "https://b", "https://a", "https://a"]


def test_a_second_request_does_not_skip_a_door_that_may_be_good() -> None:
    doors = Failover(["https://a", "https://b", "https://c"])
    asked: List[str] = []

    def both_away(address: str) -> Answer[None]:
        asked.append(address)
        if len(asked) == 1:
            doors.ask(both_away)  # while the first is out
        return Unclear("away")

    doors.ask(both_away)
    doors.ask(both_away)
    assert asked == ["https://a", "https://a", "https://b"]


@pytest.mark.parametrize(
    ("beats", "door", "is_safe"),
    [
        ("https://b", "https://a", True),
        ("https://b", "http://a", True),
        ("http://b", "http://a", True),
        ("http://b", "https://a", False),
        ("ftp://b", "ftp://a", False),
        ("https://[", "https://a", False),
        (None, "https://a", False),
    ],
)
def test_beats_go_where_they_are_as_safe(beats: str, door: str, is_safe: bool) -> None:
    assert is_as_safe(beats, door) == is_safe


def test_a_beat_address_that_is_not_as_safe_is_left_alone(door: Door) -> None:
    door.answer = replies(claim=(200, {**CLAIMED[1], "token": ticket_of(), "beatUrl": "ftp://b"}))
    client = Client(door.url)
    client.claim(ticket_of(), {"id": "f" * 32})
    assert isinstance(client.beat(ticket_of()), Ok)
    assert door.names() == ["claim", "beat"]


@pytest.mark.parametrize("urls", ["", " , ", "nowhere", "https://", ["ftp://a"]])
def test_an_address_that_is_none_is_refused_with_what_would_be_one(urls: Any) -> None:
    with pytest.raises(NotLastbeats, match=r"https?://"):
        Client(urls)


def test_an_owner_can_do_all_that_the_command_line_can(server: Server) -> None:
    client = server.client
    assert client.register("owner/1", {"leaseSeconds": 60})["attempt"] == 1
    assert client.run("owner/1")["state"] == "queued"
    assert "owner/1" in [one["run"] for one in client.runs(state="live", limit=500)["runs"]]
    assert client.drain("i-0/nobody", deadline_seconds=5, reason="test") == {"attempts": 0}
    assert client.requeue("owner/1", reason="again", attempt=1) == {"state": "queued"}
    assert client.cancel("owner/1", reason="enough") == {"state": "ended"}


def test_a_refusal_has_its_name_its_fields_and_a_sentence(server: Server) -> None:
    with pytest.raises(Refused, match="not-found") as missing:
        server.client.run("nobody")
    assert (missing.value.name, missing.value.status) == ("not-found", 404)
    with pytest.raises(Refused, match="leaseSeconds") as wrong:
        server.client.register("wrong", {"leaseSeconds": 2})
    assert wrong.value.name == "invalid"
    assert [one["field"] for one in wrong.value.errors] == ["leaseSeconds"]


def test_an_answer_of_a_gateway_is_no_answer_of_ours(door: Door) -> None:
    door.answer = lambda _: (403, {"message": "Missing Authentication Token"})
    with pytest.raises(Refused, match="Missing Authentication Token") as refused:
        Client(door.url).run("a")
    assert refused.value.name == "gateway"


def test_a_busy_service_is_asked_again_as_it_asks_and_not_for_ever(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: List[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    busy: Reply = problem("contended", 503)
    door.answer = lambda _: busy if len(door.asked) < 3 else (200, {"state": "queued"})
    assert Client(door.url).run("a") == {"state": "queued"}
    assert [1 <= wait / base <= 1.5 for wait, base in zip(waits, (1, 2))] == [True, True]
    door.asked.clear()
    waits.clear()
    door.headers = {"Retry-After": "60"}
    door.answer = lambda _: busy
    with pytest.raises(Refused, match="contended"):
        Client(door.url).run("a")
    assert len(door.asked) == 5
    assert all(10 <= wait <= 15 for wait in waits)


def test_an_owner_is_told_why_no_door_has_answered(door: Door) -> None:
    door.answer = lambda _: (200, {"state": "queued"})
    assert Client(["http://127.0.0.1:1", door.url]).run("a") == {"state": "queued"}
    with pytest.raises(Unanswered, match=r"http://127\.0\.0\.1:1: the connection is refused"):
        Client("http://127.0.0.1:1").run("a")


def test_a_requeue_that_may_have_been_carried_out_is_not_repeated_at_another_door(door: Door) -> None:
    door.answer = lambda _: (202, {"state": "queued"})
    client = Client(["http://127.0.0.1:1", door.url])
    with pytest.raises(Unanswered):
        client.requeue("a")
    assert door.asked == []
    assert client.requeue("a", attempt=1) == {"state": "queued"}


def test_calls_to_another_machine_are_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    url = "https://abc.execute-api.eu-west-1.amazonaws.com/v1/runs?state=live"
    headers = Signer().sign(Request("GET", url, {"content-type": "application/json"}))
    assert "/eu-west-1/execute-api/aws4_request, SignedHeaders=content-type;host;" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "session"
    own = Signer("us-east-2").sign(Request("GET", "https://lastbeat.example/v1/runs", {}))
    assert "/us-east-2/execute-api/" in own["Authorization"]


def test_what_a_signature_needs_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(LastbeatError, match="no AWS credentials to sign with"):
        Client("https://lastbeat.example").run("a")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(LastbeatError, match="no region is known"):
        Client("https://lastbeat.example").run("a")
    monkeypatch.setitem(sys.modules, "botocore", None)
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    with pytest.raises(LastbeatError, match=r"pip install 'lastbeat\[sqs\]'"):
        Client("https://lastbeat.example").run("a")


def test_only_this_machine_is_near() -> None:
    assert [
        is_near(url) for url in ("http://127.0.0.1:1", "http://[::1]", "http://localhost", "http://a.localhost")
    ] == [True] * 4
    assert [is_near(url) for url in ("http://localhost.example", "https://10.0.0.1", "http://127.0.0.1.example")] == [
        False
    ] * 3


def test_names_become_one_segment_of_a_path() -> None:
    assert segment_of("a/b~c:d+e f") == "a~b~c%3Ad%2Be%20f"


def test_replies_of_the_door_are_as_the_service_gives_them() -> None:
    assert {"directive", "nextBeatSeconds"} <= set(BEATEN[1])
    assert "state" in FINISHED[1]
