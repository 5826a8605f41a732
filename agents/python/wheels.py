"""Builds the wheels: a pure one, and one for each platform with its program in it.

    python wheels.py [--out DIR] [--only TEXT]

It needs Go for the programs, and hatchling for the wheels.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, NamedTuple

HERE = Path(__file__).resolve().parent


class Platform(NamedTuple):
    """A platform, as Go and as wheels call it."""

    system: str
    processor: str
    tag: str


# The programs for Linux are static, so they run beside any C library: the oldest tags of each kind.
_LINUX = "manylinux2014_{0}.manylinux_2_17_{0}.musllinux_1_1_{0}"
PLATFORMS = (
    Platform("linux", "amd64", _LINUX.format("x86_64")),
    Platform("linux", "arm64", _LINUX.format("aarch64")),
    Platform("darwin", "amd64", "macosx_11_0_x86_64"),
    Platform("darwin", "arm64", "macosx_11_0_arm64"),
)


def version() -> str:
    """The version of the package."""
    text = (HERE / "src" / "lastbeat" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "(.+)"', text)
    if found is None:
        raise ValueError("src/lastbeat/__init__.py names no version")
    return found.group(1)


def build_program(platform: Platform, to: Path) -> None:
    """Compiles the program for a platform."""
    environment = {**os.environ, "GOOS": platform.system, "GOARCH": platform.processor}
    line = ["sh", str(HERE.parent / "go" / "build.sh"), str(to), version()]
    subprocess.run(line, env=environment, check=True)


def build_wheel(out: Path, environment: Dict[str, str]) -> None:
    """Builds one wheel."""
    line = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(line, cwd=HERE, env={**os.environ, **environment}, check=True)


def build_all(out: Path, only: str = "") -> None:
    """Builds the pure wheel, and that of each platform whose tag contains `only`."""
    build_wheel(out, {})
    for platform in PLATFORMS:
        if only not in platform.tag:
            continue
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "lastbeat"
            build_program(platform, program)
            build_wheel(out, {"LASTBEAT_WHEEL_BINARY": str(program), "LASTBEAT_WHEEL_PLATFORM": platform.tag})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Builds the wheels of lastbeat.")
    parser.add_argument("--out", type=Path, default=HERE / "dist")
    parser.add_argument("--only", default="", help="a part of the tag of the platforms to build for")
    given = parser.parse_args()
    build_all(given.out.resolve(), given.only)
