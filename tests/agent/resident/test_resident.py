"""The resident agent: the same answers as the wrapper alone, and never in its way."""

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from kirikae import start
from kirikae.cli import main
from kirikae.collect import facts_reader
from kirikae.engine.wire import canonical_answer
from kirikae.home import Home
from kirikae.moments import now
from kirikae.policy.bundle_store import accept_bundle
from kirikae.resident import client, peers
from kirikae.resident.client import ANSWER_S, call_resident
from kirikae.resident.frames import FrameError, receive_frame, send_frame
from kirikae.resident.messages import EXIT, HELLO

from tests.agent.portal import Portal, payload_of
from tests.agent.running_service import running_service
from tests.golden.run import Worlds

ASKED = ["ask", "architecture-design", "--json"]


def answer_of(capsys: pytest.CaptureFixture[str]) -> bytes:
    return canonical_answer(json.loads(capsys.readouterr().out))


@pytest.fixture
def resident(synced: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Waited for longer than a wrapper would: what is answered counts here, not how soon on a busy machine."""
    monkeypatch.setattr(client, "HELLO_S", 10.0)
    monkeypatch.setattr(client, "ANSWER_S", 30.0)
    monkeypatch.setattr(facts_reader, "ASK_BUDGET_S", 10.0)
    with running_service(synced):
        yield synced


@pytest.mark.slow
def test_both_ways_give_one_answer_to_every_task_under_every_golden_policy(
    resident: Home, portal: Portal, runtime_url: str, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worlds = Worlds("routing.engine")
    policies = json.loads((Path(__file__).parents[2] / "golden" / "worlds.json").read_text())["policies"]
    for revision, name in enumerate(policies, start=2):
        portal.payload = payload_of(revision=revision, **worlds.policy_sections(name))
        accept_bundle(resident, portal.bundle(), enrolment=resident.get_enrolment(), etag=portal.etag, at=now())
        for task in ("architecture-design", "commit-message", "confidential-code", "offline-work", "agent-team"):
            command = ["ask", task, "--json", "--context-tokens", "9000"]

            code, there = call_resident(command), answer_of(capsys)

            assert (main(command), answer_of(capsys)) == (code, there), (name, task)
            assert json.loads(there)["policy"]["revision"] == revision


@pytest.mark.slow
def test_refusals_errors_and_help_are_told_in_the_same_words(
    resident: Home, protected_project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = (
        ["ask", "confidential-code"],
        ["ask", "no-such-task"],
        ["ask", "commit-message", "--needs", "x"],
        ["ask"],
    )
    for language in ("en", "ja"):
        monkeypatch.setenv("KIRIKAE_LANG", language)
        for command in commands:
            code, there = call_resident(command), capsys.readouterr()

            assert code == main(command)
            assert without_age(there.out) == without_age(capsys.readouterr().out)


def without_age(text: str) -> list[str]:
    return [line for line in text.splitlines() if "confirmed" not in line and "秒前" not in line]


@pytest.mark.slow
def test_a_policy_that_comes_later_is_answered_with(
    resident: Home, portal: Portal, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_resident(ASKED) == 0
    portal.payload = payload_of(revision=2, unclassified={"identified": "block", "anonymous": "block"})
    accept_bundle(resident, portal.bundle(), enrolment=resident.get_enrolment(), etag=portal.etag, at=now())

    assert call_resident(ASKED) == 3


@pytest.mark.slow
def test_a_policy_damaged_after_it_was_compiled_is_noticed(
    resident: Home, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_resident(ASKED) == 0
    (file,) = (resident.path / "bundles").glob("*.json")
    file.write_bytes(file.read_bytes().replace(b"cloud_ok", b"cloud_xx"))

    assert call_resident(ASKED) == 5

    assert "kirikae sync" in capsys.readouterr().err


@pytest.mark.slow
def test_environment_and_folder_are_those_of_the_wrapper(
    resident: Home, protected_project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_resident(ASKED) == 3
    monkeypatch.setenv("PATH", "")
    capsys.readouterr()

    call_resident(ASKED)

    (reason,) = (one for one in json.loads(capsys.readouterr().out)["reasons"] if one["stage"] == "privacy")
    assert reason["code"] != "rule_matched"


@pytest.mark.slow
def test_a_stopped_service_costs_a_short_wait_and_the_wrapper_decides_alone(
    synced: Home, open_project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["kirikae", *ASKED])
    with running_service(synced) as process:
        process.send_signal(signal.SIGSTOP)
        before = time.monotonic()

        assert call_resident(ASKED) is None

        assert time.monotonic() - before < 10  # the service never answers
        assert start.main() == 0


@contextmanager
def listening(home: Home, behave: Callable[[socket.socket], None]) -> Iterator[None]:
    """Something else at the place of the socket."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as listener:
        listener.bind(str(home.path / "agent.sock"))
        listener.listen(4)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        thread.join(ANSWER_S)


def say_garbage(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")


def promise_too_much(connection: socket.socket) -> None:
    connection.sendall(HELLO + b"\xff\xff\xff\xff")


def cut_off(connection: socket.socket) -> None:
    connection.sendall(HELLO + b"\x00\x00\x00\x08" + b"\x00\x00\x00\xff1234")


def say_another_version(connection: socket.socket) -> None:
    connection.sendall(HELLO)
    receive_frame(connection, deadline=time.monotonic() + 1)
    send_frame(connection, [b"alone"])


def exit_oddly(connection: socket.socket) -> None:
    connection.sendall(HELLO)
    receive_frame(connection, deadline=time.monotonic() + 1)
    send_frame(connection, [EXIT, b"many", b"", b""])


@pytest.mark.parametrize("behave", [say_garbage, promise_too_much, cut_off, say_another_version, exit_oddly])
def test_whatever_is_odd_about_the_socket_the_wrapper_decides_alone(
    home: Home, behave: Callable[[socket.socket], None]
) -> None:
    with listening(home, behave):
        assert call_resident(ASKED) is None


def test_a_file_in_the_place_of_the_socket_is_left_alone(home: Home) -> None:
    home.write("agent.sock", b"")

    assert call_resident(ASKED) is None


def test_a_socket_of_somebody_else_is_left_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(home, say_garbage):
        own = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: own + 1)

        assert call_resident(ASKED) is None

        monkeypatch.undo()
        monkeypatch.setenv("KIRIKAE_HOME", str(home.path))
        assert call_resident(ASKED) is None


def test_no_service_costs_nothing(home: Home) -> None:
    assert call_resident(ASKED) is None


def test_the_user_at_the_other_end_is_told_by_the_kernel() -> None:
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        assert peers.peer_user(left) == os.getuid()


def test_apples_credentials_are_read() -> None:
    credentials = (0).to_bytes(4, sys.byteorder) + (501).to_bytes(4, sys.byteorder) + bytes(68)

    assert peers.read_xucred(credentials) == 501
    with pytest.raises(OSError, match="version"):
        peers.read_xucred(b"\x01" * 76)


def test_a_frame_carries_any_bytes() -> None:
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        send_frame(left, [b"", b"\xff\n\x00", b"x" * 100_000])

        assert receive_frame(right, deadline=time.monotonic() + 5) == [b"", b"\xff\n\x00", b"x" * 100_000]


def test_a_frame_that_drips_ends_with_its_deadline() -> None:
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        left.sendall(b"\x00\x00\x00\x10abc")

        with pytest.raises(TimeoutError):
            receive_frame(right, deadline=time.monotonic() + 0.05)
        left.close()
        with pytest.raises(FrameError):
            receive_frame(right, deadline=time.monotonic() + 5)
