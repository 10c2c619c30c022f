"""A launch through the resident agent: it decides and checks, the wrapper runs the client and passes its end on."""

import json
import os
import sys
from pathlib import Path

import pytest
from kirikae.confining.means import try_reach
from kirikae.home import Home
from kirikae.launching.model_checks import CHECKS
from kirikae.resident import client
from kirikae.resident.client import call_resident

from tests.agent.running_service import running_service

CLIENT = Path(__file__).parents[1] / "recording_client.py"
pytestmark = pytest.mark.slow
CHECKED = {"runtime_version": None, "system_in_middle": True, "tool_call": True, "checked_at": "2026-11-25T00:00:00Z"}


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "claude"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{CLIENT}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(tmp_path / "record.json"))
    monkeypatch.setattr(client, "HELLO_S", 10.0)
    monkeypatch.setattr(client, "ANSWER_S", 30.0)
    return tmp_path / "record.json"


def kinds(home: Home) -> list[tuple[str, int | None]]:
    found = [json.loads(file.read_bytes()) for file in (home.path / "receipts").glob("*.json")]
    return sorted((one["kind"], one["exit"]) for one in found)


@pytest.mark.where("confinement")
def test_the_wrapper_runs_the_client_and_ends_with_its_code(
    synced: Home, runtime_url: str, protected_project: Path, record: Path
) -> None:
    version = json.loads((Path(__file__).parents[1] / "samples/runtimes/llamacpp/props.json").read_bytes())[
        "build_info"
    ]
    synced.write_json(CHECKS, {"tiny-byte": {**CHECKED, "runtime_version": version}})

    try_reach(synced)

    with running_service(synced):
        code = call_resident(["run", "--task", "commit-message", "--", "claude", "-p", "say hi"])

    assert code == 7
    launched = json.loads(record.read_text())
    assert launched["env"]["ANTHROPIC_BASE_URL"] == runtime_url
    assert launched["argv"][-2:] == ["-p", "say hi"]
    assert launched["networks"] == ["lo"]
    assert kinds(synced) == [("end", 7), ("start", None)]


def test_what_takes_longer_than_the_wrapper_waits_is_left_to_the_wrapper(
    synced: Home, runtime_url: str, protected_project: Path, record: Path
) -> None:
    with running_service(synced):
        code = call_resident(["run", "--task", "commit-message", "--", "claude", "-p", "say hi"])

    assert code is None
    assert not record.exists()
    assert kinds(synced) == []
