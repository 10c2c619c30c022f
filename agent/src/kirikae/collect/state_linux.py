"""What changes by the minute on a Linux machine: memory, swap, pressure and power, from /proc and /sys."""

from __future__ import annotations

import re
from pathlib import Path

from kirikae.collect.hardware_linux import meminfo_bytes, read_file
from kirikae.collect.reading import NOT_REPORTED, Absent, Reading, Scalar

# Share of the last ten seconds in which some (or all) tasks waited for memory; a healthy machine shows 0.
PRESSURE_PERCENT = 10.0


def read_state(root: Path = Path("/")) -> dict[str, Reading[Scalar]]:
    meminfo = read_file(root / "proc/meminfo")
    return {
        "memory_available_bytes": meminfo_bytes(meminfo, "MemAvailable"),
        "memory_pressure": parse_pressure(read_file(root / "proc/pressure/memory")),
        "swap_used_bytes": _swap_used(meminfo),
        "on_battery": read_on_battery(root / "sys/class/power_supply"),
        "low_power": _low_power(read_file(root / "sys/firmware/acpi/platform_profile")),
    }


def parse_pressure(psi: Reading[str]) -> Reading[str]:
    if isinstance(psi, Absent):
        return psi
    shares = dict(re.findall(r"^(some|full) avg10=(\d+\.\d+)", psi, re.MULTILINE))
    if "some" not in shares:
        return NOT_REPORTED
    if float(shares.get("full", 0)) >= PRESSURE_PERCENT:
        return "critical"
    return "warning" if float(shares["some"]) >= PRESSURE_PERCENT else "normal"


def read_on_battery(supplies: Path) -> Reading[bool]:
    """True when a battery of the system (not of a mouse) discharges; a machine without one is never on battery."""
    if not supplies.is_dir():
        return NOT_REPORTED
    return any(_is_discharging(supply) for supply in sorted(supplies.iterdir()))


def _is_discharging(supply: Path) -> bool:
    kind, scope, status = (read_file(supply / name) for name in ("type", "scope", "status"))
    is_system = isinstance(scope, Absent) or scope.strip() != "Device"
    return is_system and kind == "Battery\n" and status == "Discharging\n"


def _swap_used(meminfo: Reading[str]) -> Reading[int]:
    total, free = meminfo_bytes(meminfo, "SwapTotal"), meminfo_bytes(meminfo, "SwapFree")
    return NOT_REPORTED if isinstance(total, Absent) or isinstance(free, Absent) else total - free


def _low_power(profile: Reading[str]) -> Reading[bool]:
    return profile if isinstance(profile, Absent) else profile.strip() == "low-power"
