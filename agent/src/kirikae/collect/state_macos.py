"""What changes by the minute on a Mac: memory, swap, pressure and power, without root."""

from __future__ import annotations

import re

from kirikae.collect.hardware_macos import MIB, sysctl_number, sysctl_text
from kirikae.collect.reading import NOT_REPORTED, Absent, Reading, Run, Scalar

PRESSURE_LEVELS = {1: "normal", 2: "warning", 4: "critical"}
# What the system gives away before it swaps: free, read ahead, purgeable, and cached files.
AVAILABLE_PAGES = ("Pages free", "Pages speculative", "Pages purgeable", "File-backed pages")


def read_state(run: Run) -> dict[str, Reading[Scalar]]:
    on_battery = parse_on_battery(run(["pmset", "-g", "batt"]))
    return {
        "memory_available_bytes": parse_available(run(["vm_stat"])),
        "memory_pressure": parse_pressure(sysctl_number(run, "kern.memorystatus_vm_pressure_level")),
        "swap_used_bytes": parse_swap_used(sysctl_text(run, "vm.swapusage")),
        "on_battery": on_battery,
        "low_power": parse_low_power(run(["pmset", "-g", "custom"]), on_battery=on_battery),
    }


def parse_available(vm_stat: Reading[str]) -> Reading[int]:
    """In bytes; the header of `vm_stat` names the page size."""
    if isinstance(vm_stat, Absent):
        return vm_stat
    page_size = re.search(r"page size of (\d+) bytes", vm_stat)
    counts = [re.search(rf"^{name}:\s+(\d+)\.", vm_stat, re.MULTILINE) for name in AVAILABLE_PAGES]
    if page_size is None or any(count is None for count in counts):
        return NOT_REPORTED
    return int(page_size.group(1)) * sum(int(count.group(1)) for count in counts if count)


def parse_pressure(level: Reading[int]) -> Reading[str]:
    if isinstance(level, Absent):
        return level
    return PRESSURE_LEVELS.get(level, NOT_REPORTED)


def parse_swap_used(swapusage: Reading[str]) -> Reading[int]:
    if isinstance(swapusage, Absent):
        return swapusage
    match = re.search(r"used = (\d+(?:\.\d+)?)M", swapusage)
    return int(float(match.group(1)) * MIB) if match else NOT_REPORTED


def parse_on_battery(batt: Reading[str]) -> Reading[bool]:
    if isinstance(batt, Absent):
        return batt
    if "No batteries available" in batt:
        return False
    match = re.search(r"Now drawing from '([^']+)'", batt)
    return match.group(1) == "Battery Power" if match else NOT_REPORTED


def parse_low_power(custom: Reading[str], *, on_battery: Reading[bool]) -> Reading[bool]:
    """`pmset -g custom` has a section per source; the key is `lowpowermode`, or `powermode` (1 = low, 2 = high)."""
    if isinstance(custom, Absent):
        return custom
    source = "Battery Power" if on_battery is True else "AC Power"
    section = re.search(rf"^{source}:\n((?:[ \t].*\n?)*)", custom, re.MULTILINE)
    mode = re.search(r"^\s*(?:lowpowermode|powermode)\s+(\d)\s*$", section.group(1), re.MULTILINE) if section else None
    return mode.group(1) == "1" if mode else NOT_REPORTED
