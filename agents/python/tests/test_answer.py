from __future__ import annotations

import json
from typing import Any, Optional

import pytest

from lastbeat import BeatBody, ClaimBody, Ok, Problem, Unclear
from lastbeat.answer import MOST_BYTES, beat_body, claim_body, interpret, retry_after


def _beat(status: int, body: Any, header: Optional[str] = None) -> object:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return interpret(status, text, header, beat_body)


def test_an_answer_that_is_ours_is_clear() -> None:
    body = {"directive": "continue", "nextBeatSeconds": 30, "leaseSeconds": 120, "later": "a field of a newer service"}
    assert _beat(200, body) == Ok(BeatBody("continue", 30))
    claim = {"attempt": 2, "fence": 7, "token": "t", "nextBeatSeconds": 0.5, "directive": "continue", "beatUrl": "b"}
    assert interpret(200, json.dumps(claim).encode(), None, claim_body) == Ok(
        ClaimBody(2, 7, "t", 0.5, "continue", None, "b")
    )


def test_a_problem_of_ours_is_clear_whatever_its_status() -> None:
    body = {"type": "urn:lastbeat:problem:superseded", "detail": "attempt 2 is current"}
    assert _beat(409, body, "20") == Problem("superseded", "attempt 2 is current", 20_000)  # type: ignore[arg-type]
    assert _beat(200, body) == Problem("superseded", "attempt 2 is current")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"message": "Forbidden"}),
        (410, b""),
        (200, b"<html>"),
        (200, b"null"),
        (200, b"[]"),
        (200, b'{"directive":"continue","nextBeatSeconds":NaN}'),
        (200, b'\xff{"directive":"continue","nextBeatSeconds":30}'),
        (200, b"[" * 60_000),
        (200, b'{"nextBeatSeconds":' + b"9" * 60_000 + b',"directive":"continue"}'),
        (200, {"directive": "continue", "nextBeatSeconds": "30"}),
        (200, {"directive": "continue", "nextBeatSeconds": True}),
        (200, {"directive": "continue", "nextBeatSeconds": 30, "token": 5}),
        (302, {"directive": "continue", "nextBeatSeconds": 30}),
        (200, {"directive": "x" * MOST_BYTES, "nextBeatSeconds": 30}),
        (500, {"type": "urn:lastbeat:problem:internal"}),
        (503, {"type": "urn:lastbeat:problem:contended"}),
        (410, {"type": "urn:lastbeat:problem:of-another-version"}),
        (410, {"type": "urn:other:problem:ended"}),
    ],
)
def test_nothing_else_says_anything_about_the_attempt(status: int, body: Any) -> None:
    answer = _beat(status, body)
    if isinstance(body, bytes) and b"9" * 60_000 in body:
        # Some versions of Python read a number of any length. It is a long interval, and bounded by the heart.
        assert isinstance(answer, (Unclear, Ok))
    else:
        assert isinstance(answer, Unclear)
        assert answer.detail


def test_a_fence_is_a_whole_number() -> None:
    claim = {"attempt": 1, "fence": 7.5, "token": "t", "nextBeatSeconds": 1, "directive": "continue"}
    assert isinstance(interpret(200, json.dumps(claim).encode(), None, claim_body), Unclear)
    claim["fence"] = 1e999
    assert isinstance(interpret(200, json.dumps(claim).encode(), None, claim_body), Unclear)


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        (None, None),
        ("", None),
        ("1", 1000),
        (" 20 ", 20_000),
        ("3600", 90_000),
        ("-1", None),
        ("1.5", None),
        ("\N{ARABIC-INDIC DIGIT FIVE}", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("99999999999", None),
    ],
)
def test_a_pause_is_heeded_up_to_a_bound(header: Optional[str], pause: Optional[int]) -> None:
    assert retry_after(header) == pause
