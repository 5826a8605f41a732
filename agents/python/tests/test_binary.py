from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Dict, List

import pytest
from processes import PACKAGE, ROOT, Program

import lastbeat
import wheels
from lastbeat import program as module

HOST = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(os.uname().machine, "")
SYSTEM = "darwin" if sys.platform == "darwin" else "linux"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but this folder, and no other program of that name."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LASTBEAT_BINARY", raising=False)
    monkeypatch.setattr(module, "_CARRIED", tmp_path / "none")
    return tmp_path


def _program(path: Path, text: str = "#!/bin/sh\necho found\n") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_program_of_the_wheel_comes_before_that_of_the_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _program(folder / "lastbeat")
    assert lastbeat.binary() == str(found)
    carried = _program(folder / "wheel" / "lastbeat")
    monkeypatch.setattr(module, "_CARRIED", carried)
    assert lastbeat.binary() == str(carried)
    named = _program(folder / "named")
    monkeypatch.setenv("LASTBEAT_BINARY", str(named))
    assert lastbeat.binary() == str(named)


def test_a_script_that_would_look_for_the_program_is_not_the_program(folder: Path) -> None:
    # As pip writes it, for this very package or for that of another environment.
    _program(
        folder / "lastbeat", "#!/usr/bin/python\nimport sys\nfrom lastbeat.program import main\nsys.exit(main())\n"
    )
    with pytest.raises(lastbeat.BinaryMissing, match="set LASTBEAT_BINARY to it or put it on the PATH"):
        lastbeat.binary()


def test_a_file_that_cannot_be_executed_is_not_the_program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "lastbeat").write_text("")
    with pytest.raises(lastbeat.BinaryMissing):
        lastbeat.binary()
    monkeypatch.setenv("LASTBEAT_BINARY", str(folder / "nothing"))
    with pytest.raises(lastbeat.BinaryMissing, match=r"LASTBEAT_BINARY names .*, and that is not a program"):
        lastbeat.binary()


def _module(environment: Dict[str, str], *arguments: str) -> Program:
    line = [sys.executable, "-m", "lastbeat", *arguments]
    return Program(line, {"PYTHONPATH": str(PACKAGE / "src"), "LASTBEAT_BINARY": "", **environment})


def test_no_python_stays_beside_the_program(tmp_path: Path) -> None:
    script = _program(tmp_path / "lastbeat", '#!/bin/sh\necho "pid $$ $*"\ngrep SigIgn /proc/$$/status\n')
    run = _module({"PATH": f"{tmp_path}:/usr/bin:/bin"}, "exec", "--", "true")
    assert run.left() == 0
    assert run.line(r"pid (\d+) exec -- true").group(1) == str(run.process.pid)
    if sys.platform == "linux":
        ignored = int(run.line(r"SigIgn:\s+([0-9a-f]+)").group(1), 16)
        assert ignored & 1 << signal.SIGPIPE - 1 == 0
        assert ignored & 1 << signal.SIGXFSZ - 1 == 0
    assert script.exists()


def test_what_is_missing_is_one_line_and_125(tmp_path: Path) -> None:
    missing = _module({"PATH": str(tmp_path)}, "--version")
    assert missing.left() == 125
    assert len(missing.lines) == 1
    assert missing.lines[0].startswith("lastbeat: this wheel has no program for this platform")
    foreign = _program(tmp_path / "lastbeat", "\x7fELF of another platform")
    broken = _module({"PATH": str(tmp_path)}, "--version")
    assert broken.left() == 125
    assert broken.lines == [f"lastbeat: {foreign} cannot be executed: Exec format error"]


def test_a_script_that_calls_us_again_is_no_circle(tmp_path: Path) -> None:
    shim = f'#!/bin/sh\nexec {sys.executable} -m lastbeat "$@"\n'
    _program(tmp_path / "lastbeat", shim)
    run = _module({"PATH": str(tmp_path)}, "--version")
    assert run.left(20) == 125
    assert run.lines == [
        "lastbeat: what is called lastbeat on the PATH calls this script again: set LASTBEAT_BINARY to the program"
    ]


def test_one_version_is_named_everywhere() -> None:
    import json

    assert lastbeat.__version__ == wheels.version() == json.loads((ROOT / "package.json").read_text())["version"]


def test_the_license_is_that_of_the_repository() -> None:
    assert (PACKAGE / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def _installed(wheel: Path, folder: Path) -> Path:
    """The scripts of a fresh environment with nothing but this wheel."""
    venv.create(folder, with_pip=True)
    line: List[str] = [str(folder / "bin" / "python"), "-m", "pip", "install", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(line, check=True, capture_output=True)
    return folder / "bin"


def _clean() -> Dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": "", "LASTBEAT_BINARY": ""}


@pytest.mark.skipif(shutil.which("go") is None, reason="Go compiles the program of a wheel, and is not here")
def test_the_wheel_of_this_platform_has_its_program(tmp_path: Path) -> None:
    (platform,) = [one for one in wheels.PLATFORMS if (one.system, one.processor) == (SYSTEM, HOST)]
    wheels.build_all(tmp_path, platform.tag)
    pure, own = sorted(tmp_path.glob("*.whl"), key=lambda file: file.stat().st_size)
    assert pure.name == f"lastbeat-{lastbeat.__version__}-py3-none-any.whl"
    assert own.name == f"lastbeat-{lastbeat.__version__}-py3-none-{platform.tag}.whl"
    with zipfile.ZipFile(own) as opened:
        assert opened.getinfo("lastbeat/_bin/lastbeat").external_attr >> 16 & 0o111
        assert {"lastbeat/py.typed", "lastbeat/heart/beating.py"} <= set(opened.namelist())
    scripts = _installed(own, tmp_path / "own")
    version = Program([str(scripts / "lastbeat"), "--version"], _clean())
    assert version.left() == 0
    assert version.lines == [f"{lastbeat.__version__} (binary)"]
    page = Program([str(scripts / "python"), "-m", "lastbeat", "exec", "--help"], _clean())
    assert page.left() == 0
    assert page.lines[0] == "lastbeat exec [options] -- COMMAND ..."
    without = Program([str(_installed(pure, tmp_path / "pure") / "lastbeat"), "--version"], _clean())
    assert without.left() == 125


def test_a_platform_without_a_program_is_a_mistake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        wheels.build_wheel(tmp_path, {"LASTBEAT_WHEEL_PLATFORM": "linux_x86_64"})
