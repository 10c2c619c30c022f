"""Hardware of a Mac without root, from `sysctl` (asked key by key) and `system_profiler`.

`sysctl` fails as a whole when one key of several is unknown, so each key is a call of its own.
Serial numbers and UUIDs of `system_profiler` are never taken over.
"""

from __future__ import annotations

import json
import re
import sys

from kirikae.collect.reading import NOT_REPORTED, Absent, Reading, Run, Scalar, first_present

GIB = 1024**3
MIB = 1024**2


def read_hardware(run: Run) -> dict[str, Reading[Scalar]]:
    overview = _profile(run, "SPHardwareDataType")
    return {
        "platform": "darwin",
        "os_version": sysctl_text(run, "kern.osproductversion"),
        "model": first_present(sysctl_text(run, "hw.model"), _text(overview, "machine_model")),
        "chip": first_present(sysctl_text(run, "machdep.cpu.brand_string"), _text(overview, "chip_type")),
        "cpu_cores": first_present(
            sysctl_number(run, "hw.physicalcpu"), sysctl_number(run, "hw.ncpu"), _processors(overview, place=0)
        ),
        "performance_cores": first_present(
            sysctl_number(run, "hw.perflevel0.physicalcpu"), _processors(overview, place=1)
        ),
        "gpu_cores": parse_gpu_cores(_profile(run, "SPDisplaysDataType")),
        "memory_bytes": first_present(sysctl_number(run, "hw.memsize"), _memory(overview)),
        "gpu_limit_bytes": read_gpu_limit(run),
    }


def read_gpu_limit(run: Run) -> Reading[int]:
    """A limit that somebody set, else what Metal recommends, which differs by memory, chip and version of macOS."""
    limit = parse_gpu_limit(sysctl_number(run, "iogpu.wired_limit_mb"))
    if not isinstance(limit, Absent):
        return limit
    output = run([sys.executable, "-m", "kirikae.collect.metal"])
    recommended = output.strip() if not isinstance(output, Absent) else ""
    return int(recommended) if re.fullmatch(r"[1-9]\d{0,14}", recommended) else limit


def sysctl_text(run: Run, key: str) -> Reading[str]:
    """One key; the output line is `key: value`."""
    output = run(["sysctl", key])
    if isinstance(output, Absent):
        return output
    name, _, value = output.strip().partition(":")
    return value.strip() if name == key and value.strip() else NOT_REPORTED


def sysctl_number(run: Run, key: str) -> Reading[int]:
    text = sysctl_text(run, key)
    if isinstance(text, Absent):
        return text
    return int(text) if re.fullmatch(r"\d{1,18}", text) else NOT_REPORTED


def parse_gpu_limit(wired_limit_mib: Reading[int]) -> Reading[int]:
    """0 means "the system's default", which no command prints: it is not a limit of zero."""
    if isinstance(wired_limit_mib, Absent):
        return wired_limit_mib
    return wired_limit_mib * MIB if wired_limit_mib > 0 else Absent("system_default")


def parse_gpu_cores(entries: Reading[dict[str, object]]) -> Reading[int]:
    """`sppci_cores` is a string of digits."""
    text = _text(entries, "sppci_cores")
    if isinstance(text, Absent):
        return text
    return int(text) if re.fullmatch(r"\d{1,5}", text) else NOT_REPORTED


def _profile(run: Run, data_type: str) -> Reading[dict[str, object]]:
    """The first entry of a `system_profiler -json` section."""
    output = run(["system_profiler", "-json", data_type])
    if isinstance(output, Absent):
        return output
    try:
        document = json.loads(output)
    except (ValueError, RecursionError):
        return NOT_REPORTED
    entries = document.get(data_type) if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict):
        return NOT_REPORTED
    return entries[0]


def _text(entry: Reading[dict[str, object]], key: str) -> Reading[str]:
    if isinstance(entry, Absent):
        return entry
    value = entry.get(key)
    return value if isinstance(value, str) and value else NOT_REPORTED


def _processors(entry: Reading[dict[str, object]], *, place: int) -> Reading[int]:
    """`proc 10:4:6` (all, performance, efficiency), on newer chips with a fourth number; a plain number in a VM."""
    if isinstance(entry, Absent):
        return entry
    value = entry.get("number_processors")
    if isinstance(value, int) and not isinstance(value, bool) and place == 0:
        return value
    match = re.fullmatch(r"proc (\d+):(\d+):(\d+)(?::\d+)?", value) if isinstance(value, str) else None
    return int(match.group(place + 1)) if match else NOT_REPORTED


def _memory(entry: Reading[dict[str, object]]) -> Reading[int]:
    """`16 GB`, which means GiB."""
    text = _text(entry, "physical_memory")
    if isinstance(text, Absent):
        return text
    match = re.fullmatch(r"(\d{1,5}) GB", text)
    return int(match.group(1)) * GIB if match else NOT_REPORTED
