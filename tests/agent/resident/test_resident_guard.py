"""The guard through the resident agent: the same verdicts as alone, and no way past it by way of the socket."""

import io
import json
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from kirikae import start
from kirikae.guarding import entrance
from kirikae.home import Home
from kirikae.resident import client
from kirikae.resident.client import call_resident
from kirikae.resident.frames import receive_frame, send_frame
from kirikae.resident.messages import EXIT, HELLO

from tests.agent.resident.test_resident import listening
from tests.agent.running_service import running_service

GUARD = ["guard"]


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end the process of the tests."""
    monkeypatch.setattr(entrance, "start_clock", lambda: None)
    monkeypatch.setattr("kirikae.commands.guard.start_clock", lambda: None)


@pytest.fixture
def resident(synced: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr(client, "HELLO_S", 10.0)
    monkeypatch.setattr(client, "ANSWER_S", 30.0)
    with running_service(synced):
        yield synced


def event(folder: Path, name: str = "UserPromptSubmit", **more: object) -> bytes:
    told = {"hook_event_name": name, "session_id": "s1", "cwd": str(folder), "prompt": "hello"}
    return json.dumps({**told, **more}).encode()


def guard_at_the_prompt(given: bytes, monkeypatch: pytest.MonkeyPatch) -> int:
    """As the client starts it."""
    monkeypatch.setattr(sys, "argv", ["kirikae", "guard"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    return start.main()


@pytest.mark.slow
def test_both_ways_give_one_verdict(
    resident: Home,
    protected_project: Path,
    open_project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (protected_project / "plan.md").touch()
    file = {"tool_name": "Read", "tool_input": {"file_path": str(protected_project / "plan.md")}}
    events: Mapping[bytes, int] = {
        event(open_project, prompt="hello"): 0,
        event(protected_project, prompt="hello"): 2,
        event(open_project, prompt=f"see @{protected_project}/plan.md"): 2,
        event(protected_project, "SessionStart"): 0,
        event(open_project, "PreToolUse", **file): 2,
        event(open_project, "PreToolUse", tool_name="Read", tool_input={"file_path": "readme"}): 0,
        b"no json": 2,
        b"": 2,
    }
    for given, code in events.items():
        there = call_resident(GUARD, given=given), capsys.readouterr()
        with monkeypatch.context() as alone:
            alone.setattr(client, "SOCKET_NAME", "nobody.sock")
            here = guard_at_the_prompt(given, monkeypatch), capsys.readouterr()

        assert there == here
        assert here[0] == code, given


@pytest.mark.slow
def test_variables_are_those_of_the_hook(
    resident: Home, protected_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call_resident(GUARD, given=event(protected_project)) == 2

    launch = "01999999-0000-7000-8000-000000000000"
    monkeypatch.setenv("KIRIKAE_LAUNCH", launch)
    monkeypatch.setenv("KIRIKAE_BACKEND", "local")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST", "1")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(resident.path / "clients" / "x"))
    assert call_resident(GUARD, given=event(protected_project)) == 2

    resident.write_json(f"launches/{launch}.json", {"launched": {"profile": "hardened"}})
    assert call_resident(GUARD, given=event(protected_project)) == 0


def hang_up(connection: socket.socket) -> None:
    connection.sendall(HELLO)
    receive_frame(connection, deadline=time.monotonic() + 1)


def exit_with(code: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        hang_up(connection)
        send_frame(connection, [EXIT, code, b"", b""])

    return behave


@pytest.mark.parametrize("behave", [hang_up, exit_with(b"1"), exit_with(b"6"), exit_with(b"nobody knows")])
def test_only_a_clear_yes_of_the_resident_agent_lets_pass(
    synced: Home,
    protected_project: Path,
    behave: Callable[[socket.socket], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with listening(synced, behave):
        assert guard_at_the_prompt(event(protected_project), monkeypatch) == entrance.STOP


def test_without_a_resident_agent_the_event_is_read_once_more(
    synced: Home, open_project: Path, protected_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert guard_at_the_prompt(event(open_project), monkeypatch) == 0
    assert guard_at_the_prompt(event(protected_project), monkeypatch) == 2


def test_a_failure_with_a_code_of_its_own_stops_too(
    synced: Home, open_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIRIKAE_HOME", "/dev/null/nowhere")

    assert guard_at_the_prompt(event(open_project), monkeypatch) == entrance.STOP
