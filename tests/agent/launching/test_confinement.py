"""How far a launch is confined, what it says of it, and what becomes of the command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from kirikae.confining.seatbelt import SANDBOX_EXEC
from kirikae.home import Home
from kirikae.launching.confinement import confine

from tests.agent.confining.test_namespace import FORBIDDEN
from tests.agent.launching.test_running import record

__all__ = ["record"]
ARGV = ("claude", "-p", "say hi")


@pytest.mark.parametrize(
    ("base_url", "server"),
    [
        ("http://127.0.0.1:11434", "127.0.0.1:11434"),
        ("http://localhost/v1", "localhost:80"),
        ("http://[::1]:8080", "::1:8080"),
    ],
)
def test_on_linux_the_launcher_is_told_the_one_server(base_url: str, server: str) -> None:
    started = confine("/usr/bin/claude", ARGV, reach="client", base_url=base_url, platform="linux")

    assert started == ("/usr/bin/claude", ARGV, server)


def test_on_macos_the_systems_command_starts_the_client() -> None:
    started = confine("/opt/claude", ARGV, reach="client", base_url="http://127.0.0.1:1", platform="darwin")

    assert (started.program, started.server) == (SANDBOX_EXEC, "")
    assert started.argv[3:] == ("/opt/claude", "-p", "say hi")


def test_without_means_the_command_stays_as_it_is() -> None:
    started = confine("/opt/claude", ARGV, reach="none", base_url="http://127.0.0.1:1", platform="linux")

    assert started == ("/opt/claude", ARGV, "")


def launch(home: Home, *within: str) -> tuple[subprocess.CompletedProcess[str], dict[str, object]]:
    """And the last check of its first receipt."""
    command = [sys.executable, "-m", "kirikae.cli", "run", "--task", "commit-message", "--", "claude", "-p", "hi"]
    done = subprocess.run([*within, *command], capture_output=True, text=True, timeout=30, check=False)
    (receipt,) = [json.loads(file.read_bytes()) for file in (home.path / "receipts").glob("*-start.json")]
    return done, receipt["preflight"][-1]


@pytest.mark.slow
@pytest.mark.where("confinement")
def test_a_protected_client_has_a_network_of_its_own(
    synced: Home, runtime_url: str, protected_project: Path, record: Path
) -> None:
    done, check = launch(synced)

    assert done.returncode == 7
    assert "network" not in done.stderr
    assert check == {"check": "confinement", "ok": True, "code": None}
    assert json.loads(record.read_text())["networks"] == ["lo"]


@pytest.mark.slow
@pytest.mark.where("confinement")
def test_where_the_machine_has_no_means_it_works_and_says_so(
    synced: Home, runtime_url: str, protected_project: Path, record: Path
) -> None:
    done, check = launch(synced, *FORBIDDEN)

    assert done.returncode == 7
    assert "kirikae: nothing below the client keeps the programs that it starts from the network" in done.stderr
    assert check == {"check": "confinement", "ok": False, "code": "run.not_confined"}


@pytest.mark.slow
def test_open_work_keeps_the_machines_network(synced: Home, runtime_url: str, open_project: Path, record: Path) -> None:
    command = [sys.executable, "-m", "kirikae.cli", "run", "--task", "commit-message", "--", "claude", "-p", "hi"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 7
    assert "network" not in done.stderr
    assert not (synced.path / "confinement.json").exists()
