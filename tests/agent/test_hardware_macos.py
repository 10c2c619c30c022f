"""Parsing of macOS command output, one case per recorded machine."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from kirikae.collect.hardware_macos import read_hardware
from kirikae.collect.reading import NOT_REPORTED, Absent, Reading, Run, absences_of, values_of
from kirikae.collect.state_macos import (
    parse_available,
    parse_low_power,
    parse_on_battery,
    parse_pressure,
    parse_swap_used,
)

SAMPLES = Path(__file__).parent / "samples" / "macos"
GIB = 1024**3
FAILED = Absent("command_failed")
ABSENT_MEMORY = {"memory_bytes": FAILED}


def recorded(*, sysctl: str | None = None, hardware: str | None = None, displays: str | None = None) -> Run:
    """A machine that answers from recordings; what was not recorded fails like an unknown key does."""
    lines = (SAMPLES / sysctl).read_text().splitlines() if sysctl else []
    profiles = {"SPHardwareDataType": hardware, "SPDisplaysDataType": displays}

    def run(argv: Sequence[str]) -> Reading[str]:
        if argv[0] == "sysctl":
            return next((line + "\n" for line in lines if line.startswith(f"{argv[1]}:")), FAILED)
        name = profiles[argv[2]]
        return (SAMPLES / name).read_text() if name else Absent("command_missing")

    return run


MACHINES = {
    "m1pro": (
        recorded(sysctl="m1pro_sysctl.txt"),
        {"chip": "Apple M1 Pro", "cpu_cores": 8, "performance_cores": 6, "memory_bytes": None, "model": None},
    ),
    "m2pro_mini": (
        recorded(sysctl="m2pro_mini_sysctl_iogpu.txt"),
        {"model": "Mac14,12", "memory_bytes": 32 * GIB, "gpu_limit_bytes": None, "chip": None},
    ),
    "m4": (
        recorded(hardware="m4_SPHardwareDataType.json"),
        {
            "chip": "Apple M4",
            "model": "Mac16,12",
            "cpu_cores": 10,
            "performance_cores": 4,
            "memory_bytes": 16 * GIB,
            "gpu_cores": None,
        },
    ),
    "m5": (
        recorded(sysctl="m5_sysctl.txt", hardware="m5_SPHardwareDataType.json", displays="m5_SPDisplaysDataType.json"),
        {
            "chip": "Apple M5",
            "model": "Mac17,2",
            "cpu_cores": 10,
            "performance_cores": 4,
            "gpu_cores": 10,
            "memory_bytes": 24 * GIB,
        },
    ),
    "vm_m4max": (
        recorded(hardware="vm_m4max_SPHardwareDataType.json"),
        {
            "chip": "Apple M4 Max (Virtual)",
            "model": "VirtualMac2,1",
            "cpu_cores": 2,
            "performance_cores": None,
            "memory_bytes": 4 * GIB,
        },
    ),
}


@pytest.mark.parametrize(("run", "expected"), MACHINES.values(), ids=MACHINES)
def test_hardware_of_a_recorded_machine_is_read(run: Run, expected: dict[str, object]) -> None:
    readings = read_hardware(run)

    values = values_of(readings)
    assert {field: values[field] for field in expected} == expected
    absent = {absence["field"] for absence in absences_of(readings, section="hardware")}
    assert absent == {f"hardware.{field}" for field, value in values.items() if value is None}


def test_wired_limit_of_zero_is_the_system_default_and_not_a_limit() -> None:
    readings = read_hardware(recorded(sysctl="m2pro_mini_sysctl_iogpu.txt"))

    assert readings["gpu_limit_bytes"] == Absent("system_default")


def test_a_machine_without_any_command_has_only_named_absences() -> None:
    readings = read_hardware(lambda _argv: Absent("command_missing"))

    assert readings.pop("platform") == "darwin"
    assert set(readings.values()) == {Absent("command_missing")}


def test_serial_numbers_are_never_read() -> None:
    readings = read_hardware(recorded(hardware="m5_SPHardwareDataType.json"))

    assert "SYNTHETIC" not in repr(readings)
    assert "00000000-0000" not in repr(readings)


def test_garbage_of_the_profiler_is_an_absence() -> None:
    readings = read_hardware(lambda _argv: "[" * 100_000)

    assert readings["gpu_cores"] == NOT_REPORTED
    assert readings["memory_bytes"] == NOT_REPORTED


def test_available_memory_is_counted_in_pages_of_the_header() -> None:
    available = parse_available((SAMPLES / "vm_stat_16k.txt").read_text())

    assert available == 16384 * (129780 + 7622 + 21173 + 218388)


def test_swap_in_use_is_read_in_bytes() -> None:
    assert parse_swap_used((SAMPLES / "vm_swapusage.txt").read_text()) == int(22392.56 * 1024**2)


@pytest.mark.parametrize(("level", "pressure"), [(1, "normal"), (2, "warning"), (4, "critical"), (3, NOT_REPORTED)])
def test_pressure_level_has_a_word(level: int, pressure: Reading[str]) -> None:
    assert parse_pressure(level) == pressure


@pytest.mark.parametrize(
    ("sample", "on_battery"),
    [("pmset_batt_battery.txt", True), ("pmset_batt_ac_noestimate.txt", False), ("pmset_batt_desktop.txt", False)],
)
def test_power_source_is_read(sample: str, on_battery: bool) -> None:
    assert parse_on_battery((SAMPLES / sample).read_text()) is on_battery


@pytest.mark.parametrize(
    ("sample", "on_battery", "low_power"),
    [
        ("pmset_custom_lowpower_old_key.txt", True, True),
        ("pmset_custom_lowpower_old_key.txt", False, True),
        ("pmset_custom_powermode_new_key.txt", False, False),
        ("pmset_custom_powermode_new_key.txt", True, NOT_REPORTED),
    ],
)
def test_low_power_mode_is_read_for_the_source_in_use(sample: str, on_battery: bool, low_power: Reading[bool]) -> None:
    assert parse_low_power((SAMPLES / sample).read_text(), on_battery=on_battery) == low_power


def test_an_unknown_key_of_sysctl_is_an_absence() -> None:
    readings = read_hardware(lambda _argv: (SAMPLES / "sysctl_unknown_oid.txt").read_text())

    assert readings["chip"] == NOT_REPORTED
