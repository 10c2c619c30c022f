"""Parsing of macOS command output, one case per recorded machine."""

from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

import pytest
from kirikae.collect.full_report import refresh_gpu_limit
from kirikae.collect.hardware_macos import read_gpu_limit, read_hardware
from kirikae.collect.metal import CORE_GRAPHICS, SELECTOR, read_working_set_bytes
from kirikae.collect.reading import NOT_REPORTED, Absent, Reading, Run, absences_of, values_of
from kirikae.collect.report import hardware_of_this_boot
from kirikae.collect.state_macos import (
    parse_available,
    parse_low_power,
    parse_on_battery,
    parse_pressure,
    parse_swap_used,
)
from kirikae.home import Home

SAMPLES = Path(__file__).parents[1] / "samples" / "macos"
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
        name = profiles.get(argv[2])
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


def test_thermal_lines_of_apple_silicon_hold_no_figure() -> None:
    """Why the report calls it not readable; the limit in per cent is Intel's."""
    nominal = (SAMPLES / "pmset_therm_nominal_apple_silicon.txt").read_text()

    assert all(line.startswith("Note: No ") for line in nominal.splitlines())
    assert "CPU_Speed_Limit" in (SAMPLES / "pmset_therm_intel.txt").read_text()


@pytest.mark.parametrize(
    ("wired_mb", "metal", "limit"),
    [
        ("0", "40201000000\n", 40_201_000_000),
        ("0", "0\n", Absent("system_default")),
        ("0", "Traceback", Absent("system_default")),
        ("57344", "40201000000\n", 57_344 * 1024**2),
    ],
)
def test_the_limit_of_the_gpu_is_the_one_that_was_set_or_what_metal_recommends(
    wired_mb: str, metal: str, limit: Reading[int]
) -> None:
    def run(argv: Sequence[str]) -> Reading[str]:
        return f"iogpu.wired_limit_mb: {wired_mb}" if argv[0] == "sysctl" else metal

    assert read_gpu_limit(run) == limit


class Framework:
    """Answers as Metal and the Objective-C runtime do."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.MTLCreateSystemDefaultDevice = Mock(return_value=7)
        self.sel_registerName = Mock(side_effect=lambda name: {SELECTOR: 9}[name])
        self.objc_msgSend = Mock(side_effect=lambda device, selector: {(7, 9): 2**35}[device, selector])

    def __call__(self, path: str) -> "Framework":
        self.loaded.append(path)
        return self


def test_metal_is_asked_for_its_recommended_working_set() -> None:
    framework = Framework()

    assert read_working_set_bytes(framework) == 2**35
    assert framework.loaded[0] == CORE_GRAPHICS

    framework.MTLCreateSystemDefaultDevice.return_value = None
    assert read_working_set_bytes(framework) == 0


def test_a_limit_that_was_set_after_the_boot_replaces_the_one_that_is_kept(home: Home) -> None:
    before = hardware_of_this_boot(home)
    home.write_json("hardware.json", home.read_json("hardware.json") | {"values": {**before.values, "chip": "kept"}})

    refresh_gpu_limit(home, lambda: 2**34)

    after = hardware_of_this_boot(home)
    assert (after.values["gpu_limit_bytes"], after.values["chip"]) == (2**34, "kept")
    assert "hardware.gpu_limit_bytes" not in [absence["field"] for absence in after.absences]
