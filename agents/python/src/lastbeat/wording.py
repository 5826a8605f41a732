"""The lines of the heart, for work in this very process: there is no command, and no signal to it."""

from __future__ import annotations

import re

_WORDS = (
    (
        re.compile(r"SIGTERM to the command, and SIGKILL in (\d+ s) if it is still there"),
        r"the work is asked to leave, and this process ends in \1 if it has not",
    ),
    (
        re.compile(r"SIGKILL to the command in (\d+ s) if it is still there"),
        r"this process ends in \1 if the work has not left",
    ),
    (
        re.compile(r"the command has not left in time: SIGKILL to it"),
        "the work has not left in time: this process ends",
    ),
    (re.compile(r"SIGKILL to the command"), "this process ends now"),
    (
        re.compile(r"came and is passed on: if the command dies of it,"),
        "came, and the work is asked to leave: if it does,",
    ),
    (re.compile(r"the command was killed already"), "this process ends already"),
    (re.compile(r"the command works on"), "the work goes on"),
)


def in_this_process(line: str) -> str:
    """What a line of the heart means here."""
    for pattern, words in _WORDS:
        line = pattern.sub(words, line)
    return line
