"""Picks the readers for this platform, and names the boot so that slow readings can be kept until the next one."""

from __future__ import annotations

import sys
from pathlib import Path

from kirikae.collect import hardware_linux, hardware_macos, state_linux, state_macos
from kirikae.collect.command import run_command
from kirikae.collect.reading import NOT_ON_THIS_PLATFORM, Absent, Reading, Scalar


def read_hardware() -> dict[str, Reading[Scalar]]:
    if sys.platform == "darwin":
        return hardware_macos.read_hardware(run_command)
    return hardware_linux.read_hardware()


def read_gpu_limit() -> Reading[Scalar]:
    return hardware_macos.read_gpu_limit(run_command) if sys.platform == "darwin" else NOT_ON_THIS_PLATFORM


def read_state() -> dict[str, Reading[Scalar]]:
    if sys.platform == "darwin":
        return state_macos.read_state(run_command)
    return state_linux.read_state()


def read_boot_id() -> Reading[str]:
    if sys.platform == "darwin":
        return hardware_macos.sysctl_text(run_command, "kern.boottime")
    boot_id = hardware_linux.read_file(Path("/proc/sys/kernel/random/boot_id"))
    return boot_id if isinstance(boot_id, Absent) else boot_id.strip()
