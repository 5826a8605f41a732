"""Puts the program `lastbeat` into a wheel for one platform. Without the two variables the wheel is pure."""

from __future__ import annotations

import os
from typing import Any, Dict

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PlatformWheel(BuildHookInterface[Any]):
    """LASTBEAT_WHEEL_BINARY is the path of the program, LASTBEAT_WHEEL_PLATFORM the tag of its platform."""

    def initialize(self, version: str, build_data: Dict[str, Any]) -> None:
        del version
        program = os.environ.get("LASTBEAT_WHEEL_BINARY")
        platform = os.environ.get("LASTBEAT_WHEEL_PLATFORM")
        if (program is None) != (platform is None):
            raise ValueError("set both LASTBEAT_WHEEL_BINARY and LASTBEAT_WHEEL_PLATFORM, or neither")
        if program is not None:
            build_data["force_include"][program] = "lastbeat/_bin/lastbeat"
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform}"
