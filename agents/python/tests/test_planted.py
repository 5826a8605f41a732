"""Mistakes that somebody could make. The vectors that do not find one of them look the other way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]

# What is wrong, and a text in a file that is replaced by another.
PLANTED = [
    ("a retry has no jitter", "__init__", "1 - _RETRY_JITTER * roll", "1 - 0 * roll"),
    ("a pause that the server asks for is not heeded", "__init__", "roll)), asked or 0)", "roll)), 0)"),
    ("a claim that was granted too late is taken", "__init__", "isinstance(given, Ok) and is_late", "False"),
    ("a front door that never answers is asked for ever", "__init__", "heart.own.start_by <= now", "False"),
    ("a signal before the claim is not heeded", "__init__", "given.signal in ENDING:\n        if heart.ask_at", "False:\n        if heart.ask_at"),
    ("a report is given up because of a wrong URL", "__init__", '"not-found", ', ""),
    ("a drained claim is started all the same", "__init__", 'body.directive == "drain"', "False"),
    ("what the owner says of a cut-off is not heeded", "__init__", 'body.on_cut_off == "continue"', "False"),
    ("a report after a cut-off is repeated for 15 minutes", "beating", "is_fenced and heart.own", "False and heart.own"),
    ("a refused beat counts as an acknowledged one", "beating", "isinstance(answer, Unclear):\n        return heart, []", "isinstance(answer, Unclear):\n        return replace(heart, fence_from=given.sent_at), []"),
    ("the fence goes back with a late answer", "beating", "max(start, sent_at)", "sent_at"),
    ("work that leaves has to make progress", "beating", "is None or heart.stop is not None:\n        return None\n    return after(heart.progressed_at", "is None:\n        return None\n    return after(heart.progressed_at"),
    ("progress is sent again after it was delivered", "beating", "heart.progress is heart.sent", "False"),
    ("a notice is sent twice", "beating", 'or "sigterm" in heart.told', ""),
    ("jitter lengthens the interval", "beating", "1 - _JITTER * roll", "1 + _JITTER * roll"),
    ("a later reason lengthens the grace", "stopping", "min(then.kill_at, stop.kill_at)", "max(then.kill_at, stop.kill_at)"),
    ("a lower reason replaces a higher one", "stopping", "_RANK[then.why] > _RANK[stop.why]", "True"),
    ("a success under a cut-off is not reported", "stopping", "if end.exit_code == 0:", 'if end.exit_code == 0 and stop.why != "self-fenced":'),
    ("the self-fence waits for the whole lease", "stopping", "before(after(start, lease), pace.margin)", "after(start, lease)"),
    ("a deadline that is near takes the grace away", "stopping", "max(asked, after_grace(lease, now))", "asked"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "module", "is_there", "instead"), PLANTED, ids=[name for name, *_ in PLANTED])
def test_a_planted_difference_is_caught(name: str, module: str, is_there: str, instead: str, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "src" / "lastbeat" / "heart" / f"{module}.py"
    text = file.read_text()
    assert text.count(is_there) == 1, f"{is_there!r} is not in {module} exactly once"
    file.write_text(text.replace(is_there, instead))
    path = os.pathsep.join([str(tmp_path / "src"), str(PACKAGE / "tests")])
    code = "from vectors import play; played = play(); print(played.difference and played.difference.where)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ".jsonl:" in done.stdout, f"not caught: {name}; {done.stdout}{done.stderr}"
