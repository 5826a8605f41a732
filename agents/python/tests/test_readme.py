from __future__ import annotations

import re

from conftest import Run
from processes import PACKAGE, ROOT, Server

import lastbeat


def test_the_example_of_the_readme_does_what_it_says(server: Server, run: Run) -> None:
    block, consumer = re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)
    work = run(block, server.register("readme"))
    assert work.left() == 0
    assert sum(line.startswith("step ") for line in work.lines) == 10
    assert server.record("readme")["outcome"] == "succeeded"
    compile(consumer, "README.md", "exec")


def test_the_guide_names_what_is_there() -> None:
    text = (ROOT / "docs" / "python.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) > 1
    for block in blocks:
        compile(block, "docs/python.md", "exec")
    names = {name for block in blocks for name in re.findall(r"lastbeat\.(\w+)", block)}
    errors = set(re.findall(r"`((?:Not|No[A-Z]|Super|End|Over|Refus|Unansw|Stop)\w*)`", text))
    assert len(names | errors) > 8
    for name in names | errors:
        assert hasattr(lastbeat, name), name
