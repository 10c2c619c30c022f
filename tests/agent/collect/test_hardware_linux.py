"""Hardware and state of Linux: planted files, and this machine for real."""

import sys
from pathlib import Path

from kirikae.collect import hardware_linux, state_linux
from kirikae.collect.command import run_command
from kirikae.collect.hardware import read_hardware
from kirikae.collect.reading import NOT_REPORTED, Absent


def plant(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_planted_files_are_read(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        {
            "etc/os-release": 'NAME="Debian"\nVERSION_ID="13"\n',
            "proc/cpuinfo": "processor\t: 0\nmodel name\t: Xeon\nprocessor\t: 1\nmodel name\t: Xeon\n",
            "proc/meminfo": "MemTotal:       1000 kB\nMemAvailable:    400 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n",
            "proc/pressure/memory": "some avg10=12.00 avg60=0.00\nfull avg10=1.00 avg60=0.00\n",
            "sys/class/power_supply/BAT0/type": "Battery\n",
            "sys/class/power_supply/BAT0/status": "Discharging\n",
        },
    )

    hardware, state = hardware_linux.read_hardware(root), state_linux.read_state(root)

    assert (hardware["os_version"], hardware["chip"], hardware["cpu_cores"]) == ("13", "Xeon", 2)
    assert hardware["memory_bytes"] == 1000 * 1024
    assert state["memory_available_bytes"] == 400 * 1024
    assert state["swap_used_bytes"] == 30 * 1024
    assert (state["memory_pressure"], state["on_battery"], state["low_power"]) == ("warning", True, NOT_REPORTED)


def test_the_battery_of_a_mouse_does_not_put_the_machine_on_battery(tmp_path: Path) -> None:
    plant(tmp_path, {"m/type": "Battery\n", "m/scope": "Device\n", "m/status": "Discharging\n"})

    assert state_linux.read_on_battery(tmp_path) is False


def test_a_machine_without_files_has_only_named_absences(tmp_path: Path) -> None:
    readings = hardware_linux.read_hardware(tmp_path) | state_linux.read_state(tmp_path)

    assert readings.pop("platform") == "linux"
    assert all(isinstance(reading, Absent) for reading in readings.values())


def test_this_machine_tells_its_memory_and_cores() -> None:
    hardware = read_hardware()

    assert isinstance(hardware["memory_bytes"], int)
    assert hardware["memory_bytes"] > 64 * 1024**2
    assert isinstance(hardware["cpu_cores"], int)
    assert hardware["cpu_cores"] >= 1


def test_a_missing_and_a_failing_command_are_named() -> None:
    assert run_command(["kirikae-no-such-command"]) == Absent("command_missing")
    assert run_command([sys.executable, "-c", "raise SystemExit(3)"]) == Absent("command_failed")
