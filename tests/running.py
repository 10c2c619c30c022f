"""A whole portal as a process of its own, as a person would start it."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

READY_WITHIN_S = 30


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def free_ports(count: int) -> list[int]:
    """All different: one after the other, a port may be found twice."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(server.getsockname()[1]) for server in servers]


def portal_environment(**more: str) -> dict[str, str]:
    """For the portal and for agents of its Macs, which ask no runtimes of the developer's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KIRIKAE_", "DJANGO_"))}
    return kept | {"KIRIKAE_LANG": "en", "KIRIKAE_RUNTIMES_ONLY": "1"} | more


@dataclass
class RunningPortal:
    url: str
    setup_url: str
    data_dir: Path
    process: "subprocess.Popen[str]"

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


def spawn_portal(
    data_dir: Path,
    *,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> "subprocess.Popen[str]":
    """Returns at once; its output and errors come through one pipe."""
    command = [sys.executable, "manage.py", "up", "--data-dir", str(data_dir), "--port", str(port or free_port())]
    return subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=portal_environment(**environment or {}),
    )


def start_portal(
    data_dir: Path,
    *,
    port: int | None = None,
    is_set_up: bool = False,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    within_s: float = READY_WITHIN_S,
) -> RunningPortal:
    """Returns when the ready line has appeared. `is_set_up`: there is a user already, so no set-up line comes."""
    process = spawn_portal(data_dir, port=port, environment=environment, options=options)
    # Reading ends when the process does, so a portal that hangs fails the test instead of stopping it.
    timer = threading.Timer(within_s, process.kill)
    timer.start()
    try:
        ready = _line(process, r"Kirikae is ready: (\S+)")
        setup = "" if is_set_up else _line(process, r"Set up: (\S+) \(once, 1 h\)")
    finally:
        timer.cancel()
    return RunningPortal(ready, setup, data_dir, process)


def _line(process: "subprocess.Popen[str]", pattern: str) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(pattern, line.strip())
    assert found, f"expected {pattern!r}, got {line!r}"
    return found[1]


def kill_quietly(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait(10)
    if process.stdout is not None:
        process.stdout.close()
