"""Hardware of a Linux machine from /proc and /sys, without root."""

from __future__ import annotations

import re
from pathlib import Path

from kirikae.collect.reading import NOT_ON_THIS_PLATFORM, NOT_REPORTED, Absent, Reading, Scalar


def read_hardware(root: Path = Path("/")) -> dict[str, Reading[Scalar]]:
    return {
        "platform": "linux",
        "os_version": _match(read_file(root / "etc/os-release"), r'^VERSION_ID="?([^"\n]+)"?$'),
        "model": _line(read_file(root / "sys/class/dmi/id/product_name")),
        "chip": _match(read_file(root / "proc/cpuinfo"), r"^model name\s*:\s*(.+)$"),
        "cpu_cores": count_processors(read_file(root / "proc/cpuinfo")),
        "performance_cores": NOT_ON_THIS_PLATFORM,
        "gpu_cores": NOT_ON_THIS_PLATFORM,
        "memory_bytes": meminfo_bytes(read_file(root / "proc/meminfo"), "MemTotal"),
        "gpu_limit_bytes": NOT_ON_THIS_PLATFORM,
    }


def read_file(path: Path) -> Reading[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return NOT_REPORTED


def count_processors(cpuinfo: Reading[str]) -> Reading[int]:
    if isinstance(cpuinfo, Absent):
        return cpuinfo
    return len(re.findall(r"^processor\s*:", cpuinfo, re.MULTILINE)) or NOT_REPORTED


def meminfo_bytes(meminfo: Reading[str], key: str) -> Reading[int]:
    """/proc/meminfo writes `kB` and means KiB."""
    kibibytes = _match(meminfo, rf"^{key}:\s+(\d+) kB$")
    return kibibytes if isinstance(kibibytes, Absent) else int(kibibytes) * 1024


def _match(text: Reading[str], pattern: str) -> Reading[str]:
    if isinstance(text, Absent):
        return text
    match = re.search(pattern, text, re.MULTILINE)
    return match.group(1).strip() if match else NOT_REPORTED


def _line(text: Reading[str]) -> Reading[str]:
    return text if isinstance(text, Absent) else text.strip() or NOT_REPORTED
