from __future__ import annotations

from vectors import play


def test_this_heart_does_what_the_reference_does_at_each_step_of_each_life() -> None:
    played = play()
    assert played.difference is None
    assert played.lives >= 2500
    assert played.steps >= 18_000
