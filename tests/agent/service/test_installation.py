"""An upgrade under a running service."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import kirikae
import pytest
from kirikae.home import Home
from kirikae.resident.client import call_resident
from kirikae.service.installation import SETTLED_S, Installation

from tests.agent.running_service import PATIENCE_S, wait_for


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "packages"
    install(folder, "0.1.0")
    return folder


def install(place: Path, version: str) -> None:
    """Only the installer's list, as if the rest was there."""
    for before in place.glob("kirikae-*.dist-info"):
        shutil.rmtree(before)
    about = place / f"kirikae-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "RECORD").write_text(f"kirikae/__init__.py,sha256={version},1\n")


def test_another_version_counts_when_it_has_settled(place: Path) -> None:
    installation = Installation(place)
    assert not installation.is_replaced(at=100)
    install(place, "0.2.0")

    assert not installation.is_replaced(at=200)
    assert not installation.is_replaced(at=200 + SETTLED_S / 2)
    assert installation.is_replaced(at=200 + SETTLED_S)


def test_files_that_still_change_do_not_count(place: Path) -> None:
    installation = Installation(place)
    for moment in range(5):
        install(place, f"0.2.{moment}")

        assert not installation.is_replaced(at=moment * SETTLED_S)


def test_the_same_version_again_or_none_at_all_does_not_count(place: Path) -> None:
    installation = Installation(place)
    install(place, "0.1.0")
    assert not installation.is_replaced(at=100)
    assert not installation.is_replaced(at=100 + SETTLED_S)
    shutil.rmtree(place)

    assert not installation.is_replaced(at=200)
    assert not installation.is_replaced(at=200 + SETTLED_S)


def test_a_checkout_is_never_replaced(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    install(tmp_path, "0.2.0")

    assert not installation.is_replaced(at=100)
    assert not installation.is_replaced(at=100 + SETTLED_S)


@pytest.mark.slow
def test_a_running_service_becomes_the_version_that_was_installed(synced: Home, place: Path) -> None:
    shutil.copytree(Path(kirikae.__file__).parent, place / "kirikae", ignore=shutil.ignore_patterns("__pycache__"))
    environment = os.environ | {"KIRIKAE_HOME": str(synced.path), "PYTHONPATH": str(place)}
    command = [sys.executable, "-m", "kirikae", "service", "run"]
    with subprocess.Popen(command, env=environment, cwd="/") as process:
        try:
            wait_for((synced.path / "agent.sock").exists)
            code = (place / "kirikae" / "__init__.py").read_text()
            (place / "kirikae" / "__init__.py").write_text(code.replace("0.1.0", "0.2.0"))
            install(place, "0.2.0")

            wait_for(lambda: asks(synced).get("version") == "0.2.0")

            assert synced.read_json("service.json")["pid"] == process.pid
            wait_for((synced.path / "agent.sock").exists)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
    assert process.returncode == 0


def asks(home: Home) -> dict[str, object]:
    """A question wakes the service, which otherwise looks every ten seconds."""
    call_resident(["ask", "commit-message"])
    return home.read_json("service.json")
