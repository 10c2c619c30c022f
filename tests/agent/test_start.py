"""What is imported before a client starts: each of these modules would be felt several hundred times a day."""

import subprocess
import sys

import pytest
from kirikae.home import Home

pytestmark = pytest.mark.slow


def modules_after(line: list[str]) -> set[str]:
    code = f"import sys; from kirikae.start import main; sys.argv[1:] = {line}; main(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    return set(done.stdout.split())


@pytest.mark.parametrize("line", [["ask", "commit-message"], ["run", "--dry-run", "--", "claude"]])
def test_deciding_alone_does_without_what_takes_long_to_import(synced: Home, line: list[str]) -> None:
    costly = {
        "argparse", "base64", "dataclasses", "encodings.idna", "hashlib", "httpx", "inspect", "shutil", "socket", "ssl",
        "tempfile", "typing",
    }  # fmt: skip

    imported = modules_after(line)

    assert "kirikae.engine.decide" in imported
    assert not costly & imported


def test_without_a_local_model_nothing_is_estimated(synced: Home) -> None:
    imported = modules_after(["ask", "commit-message"])

    assert "kirikae.engine.stages.feasibility" in imported
    assert "kirikae.engine.fit.candidate" not in imported


def test_asking_the_resident_agent_needs_next_to_nothing() -> None:
    costly = {"enum", "json", "pathlib", "re", "signal", "socket", "threading", "typing"}
    modules = "kirikae.start", "kirikae.resident.client", "kirikae.launching.supervising", "kirikae.guarding.entrance"
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)

    assert not costly & set(done.stdout.split())
