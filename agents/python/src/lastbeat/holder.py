"""What a runner tells of itself when it claims."""

from __future__ import annotations

import re
import secrets
import socket
from pathlib import Path
from typing import Callable, Dict, Mapping, Optional

# Where Linux shows what the firmware says. On EC2 (Nitro) the vendor is Amazon EC2, and the asset tag the instance id.
_DMI = Path("/sys/devices/virtual/dmi/id")

_INSTANCE = re.compile(r"i-[0-9a-f]+")
_HOST = re.compile(r"[A-Za-z0-9][\w.:/-]{0,127}", re.ASCII)

# Facts about the place, from variables that Kubernetes and the user set.
_FACTS = {"pod": "POD_NAME", "namespace": "POD_NAMESPACE", "node": "NODE_NAME", "podUid": "POD_UID"}

# Files that every kubelet mounts into every container, from the folder of the pod.
_MOUNTED = re.compile(r"\S+ \S+ \S+ (\S+) /(?:etc/hosts|dev/termination-log) ")
_POD = re.compile(r"/pods/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/")
# The longest fact that the service accepts. A longer one is cut, so that the work still starts.
_FACT_LENGTH = 256


def _said(name: str, folder: Path) -> str:
    try:
        return (folder / name).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""  # no such firmware, or no such system


def is_on_ec2(folder: Path = _DMI) -> bool:
    """Whether this machine is an EC2 instance."""
    return _said("sys_vendor", folder) == "Amazon EC2"


def instance_id(folder: Path = _DMI) -> Optional[str]:
    """The id of the EC2 instance, if the firmware tells it. Evidence about the host is found by it."""
    tag = _said("board_asset_tag", folder)
    return tag if _INSTANCE.fullmatch(tag) else None


def pod_uid(mounts: Path = Path("/proc/self/mountinfo")) -> Optional[str]:
    """The uid of the pod that this process is in, as its mounts tell it. A cluster is asked for the pod by it."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None  # no such file on this system
    for line in lines:
        mounted = _MOUNTED.match(line)
        found = _POD.search(mounted.group(1)) if mounted else None
        if found:
            return found.group(1)
    return None


def holder_of(host: Optional[str], environment: Mapping[str, str], say: Callable[[str], None]) -> Dict[str, str]:
    """A holder with a fresh id. If two processes had the same id, both would be let in."""
    holder = {"id": secrets.token_hex(16)}
    for name, variable in _FACTS.items():
        if environment.get(variable):
            holder[name] = environment[variable][:_FACT_LENGTH]
    if "podUid" not in holder:
        uid = pod_uid()
        if uid is not None:
            holder["podUid"] = uid
    where = host or instance_id() or socket.gethostname()
    if _HOST.fullmatch(where):
        holder["host"] = where
    else:
        say(f"{where!r} is not a valid host name, so the claim names no host; set LASTBEAT_HOST")
    return holder
