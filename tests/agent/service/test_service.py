"""The real service against a stand-in portal."""

import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kirikae.cli import main
from kirikae.fetch import fetch
from kirikae.home import Enrolment, Home
from kirikae.moments import now
from kirikae.policy.bundle_store import accept_bundle, load_bundle

from tests.agent.portal import Portal, payload_of
from tests.agent.running_service import running_service, wait_for
from tests.agent.standin import standin

pytestmark = pytest.mark.slow


@pytest.fixture
def enrolled(home: Home, portal: Portal) -> Iterator[Home]:
    """At a portal that answers."""
    with standin(portal) as url:
        enrolment = Enrolment(url, machine="m_1", name="ben-mini", signing_key=portal.signing_key)
        home.save_enrolment(enrolment, token="kmt_ID_SECRET")
        accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=now())
        yield home


def test_it_reports_at_once_and_counts_its_messages(enrolled: Home, portal: Portal) -> None:
    with running_service(enrolled):
        wait_for(lambda: portal.bodies("/api/v1/heartbeats"))

    (report,) = portal.bodies("/api/v1/reports")
    heartbeats = portal.bodies("/api/v1/heartbeats")
    assert report["schema"] == 1
    assert report["poll"] is None
    assert [one["sequence"] for one in (report, *heartbeats)] == [1, *range(2, len(heartbeats) + 2)]
    assert len({one["boot_id"] for one in (report, *heartbeats)}) == 1
    assert "memory_pressure" in heartbeats[0]["state"]


def test_it_says_that_it_goes(enrolled: Home, portal: Portal) -> None:
    with running_service(enrolled) as process:
        wait_for(lambda: portal.bodies("/api/v1/reports"))
        wait_for(lambda: enrolled.read_json("service.json").get("last_success_at"))

    assert process.returncode == 0
    assert portal.bodies("/api/v1/heartbeats")[-1]["announce"] == "sleep"
    assert not (enrolled.path / "agent.sock").exists()


def test_a_higher_revision_in_an_answer_is_fetched(enrolled: Home, portal: Portal) -> None:
    portal.payload, portal.revision = payload_of(revision=7), 7

    with running_service(enrolled):
        wait_for(lambda: load_bundle(enrolled).bundle.revision == 7)


def test_an_answer_that_names_the_same_policy_confirms_it(enrolled: Home, portal: Portal) -> None:
    enrolled.write_json("seen.json", enrolled.read_json("seen.json") | {"checked_at": "2026-01-01T00:00:00Z"})

    with running_service(enrolled):
        wait_for(lambda: not str(enrolled.read_json("seen.json")["checked_at"]).startswith("2026-01-01"))

    assert not [path for _, path, _, _ in portal.requests if path == "/api/v1/bundle"]


def test_service_of_a_revoked_machine_takes_its_policy_back(enrolled: Home, portal: Portal) -> None:
    portal.refusal = "token.revoked"

    with running_service(enrolled):
        wait_for(lambda: load_bundle(enrolled).is_withdrawn)


def test_service_of_a_machine_in_quarantine_asks_for_a_policy_and_learns_that_it_has_none(
    enrolled: Home, portal: Portal
) -> None:
    portal.revision, portal.is_quarantined = 0, True

    with running_service(enrolled):
        wait_for(lambda: load_bundle(enrolled).is_withdrawn)


def test_a_policy_that_ends_soon_is_fetched_anew(enrolled: Home, portal: Portal) -> None:
    portal.payload = payload_of(issued_at=now() - timedelta(hours=20))
    accept_bundle(enrolled, portal.bundle(), enrolment=enrolled.get_enrolment(), etag=portal.etag, at=now())
    portal.payload = payload_of()

    with running_service(enrolled):
        wait_for(lambda: load_bundle(enrolled).bundle.issued_at > now() - timedelta(hours=1))


def test_waiting_receipts_are_sent(enrolled: Home, portal: Portal) -> None:
    enrolled.write_json("receipts/1-start.json", {"kind": "start"})

    with running_service(enrolled):
        wait_for(lambda: not list((enrolled.path / "receipts").iterdir()))

    assert portal.bodies("/api/v1/receipts") == [{"receipts": [{"kind": "start"}]}]


def test_a_damaged_receipt_does_not_end_the_service_or_hold_back_others(enrolled: Home, portal: Portal) -> None:
    enrolled.write("receipts/1-start.json", b"\0\0\0")
    enrolled.write_json("receipts/2-start.json", {"kind": "start"})

    with running_service(enrolled):
        wait_for(lambda: enrolled.read_json("service.json").get("last_success_at"))

    assert portal.bodies("/api/v1/receipts") == [{"receipts": [{"kind": "start"}]}]
    assert (enrolled.path / "receipts-refused" / "1-start.json").read_bytes() == b"\0\0\0"


def test_a_state_folder_that_takes_no_lock_is_told(enrolled: Home, capsys: pytest.CaptureFixture[str]) -> None:
    (enrolled.path / "service.lock").mkdir()

    assert main(["service", "run"]) == 6

    assert capsys.readouterr().err.startswith(f"{enrolled.path / 'service.lock'} cannot be written")


def test_a_new_token_is_asked_for_kept_and_used(enrolled: Home, portal: Portal) -> None:
    portal.is_rotation_due = True

    with running_service(enrolled):
        wait_for(lambda: any("bearer kmt_id_new" in head for _, _, head, _ in portal.requests))

    assert enrolled.get_token() == "kmt_ID_NEW"


def test_an_odd_new_token_leaves_the_one_in_use(enrolled: Home, portal: Portal) -> None:
    portal.is_rotation_due, portal.new_token = True, "kmt_x\nHost: evil"

    with running_service(enrolled):
        wait_for(lambda: enrolled.read_json("service.json").get("last_error") == "portal.odd_answer")

    assert enrolled.get_token() == "kmt_ID_SECRET"


def test_it_goes_on_while_the_portal_is_away_and_says_why(synced: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with running_service(synced):
        wait_for(lambda: synced.read_json("service.json").get("failures"))

        assert main(["service", "status"]) == 0

    said = capsys.readouterr().out
    assert "The service runs" in said
    assert "portal.unreachable (failed tries since: 1)" in said
    assert main(["service", "status"]) == 1


def test_there_is_only_one(synced: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with running_service(synced):
        assert main(["service", "run"]) == 6

    assert "runs already" in capsys.readouterr().err


def test_its_socket_is_for_this_user_alone(synced: Home) -> None:
    with running_service(synced):
        about = (synced.path / "agent.sock").stat()

    assert (stat.S_IMODE(about.st_mode), about.st_uid) == (0o600, os.getuid())


def test_a_machine_that_is_not_enrolled_has_no_service(home: Home) -> None:
    assert main(["service", "run"]) == 4


@pytest.fixture
def address() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


def ask_health(address: str, token: str, *, path: str = "/health") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    answer = fetch(f"http://{address}{path}", deadline=time.monotonic() + 10, headers=headers)
    return answer.status, json.loads(answer.body)


def test_the_portal_may_ask_for_the_state_with_the_token_that_it_was_told(
    enrolled: Home, portal: Portal, address: str, runtime_url: str
) -> None:
    with running_service(enrolled, "--listen", address):
        wait_for(lambda: portal.bodies("/api/v1/reports"))
        poll = portal.bodies("/api/v1/reports")[0]["poll"]
        status, document = ask_health(address, poll["token"])
        refused = [ask_health(address, "wrong")[0], ask_health(address, poll["token"], path="/report")[0]]

    assert (status, poll["address"]) == (200, f"http://{address}")
    assert document["boot_id"] == portal.bodies("/api/v1/reports")[0]["boot_id"]
    assert document["runtimes"] == [
        {"kind": "llama_cpp", "state": "up", "loaded": ["tiny-byte"], "effective_context_tokens": 65536}
    ]
    assert set(document) == {
        "schema", "machine", "agent_version", "boot_id", "sequence", "state", "runtimes", "time"
    }  # fmt: skip
    assert refused == [401, 404]
    assert poll["token"] not in (enrolled.path / "report.json").read_text()


def test_a_question_that_never_ends_does_not_keep_others_out(enrolled: Home, portal: Portal, address: str) -> None:
    with running_service(enrolled, "--listen", address):
        wait_for(lambda: portal.bodies("/api/v1/reports"))
        host, _, port = address.partition(":")
        with closing(socket.create_connection((host, int(port)))) as silent:
            silent.sendall(b"GET /health")
            token = portal.bodies("/api/v1/reports")[0]["poll"]["token"]

            assert ask_health(address, token)[0] == 200


@pytest.mark.parametrize("address", ["", "7411", "0.0.0.0:7411", "[::]:7411", "mac.example:7411", "127.0.0.1:0"])
def test_an_address_that_names_no_place_is_refused(
    synced: Home, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["service", "install", "--listen", address or ":"]) == 64

    assert "192.168.1.20:7411" in capsys.readouterr().err


def test_a_stopped_service_is_ended_by_a_signal_even_while_it_waits_for_the_portal(synced: Home) -> None:
    with running_service(synced) as process:
        process.send_signal(signal.SIGTERM)

        assert process.wait(10) == 0


def test_install_shows_the_whole_file_and_remove_takes_it_away(
    synced: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = tmp_path / "calls"
    for name in ("systemctl", "launchctl"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {calls}\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    assert main(["service", "install", "--listen", "127.0.0.1:7411"]) == 0
    shown = capsys.readouterr().out
    written = [path for path in tmp_path.rglob("*") if path.suffix in {".service", ".plist"}]
    assert written[0].read_text() in shown
    assert main(["service", "remove"]) == 0

    assert str(written[0]) in shown
    assert not written[0].exists()
    assert len(calls.read_text().splitlines()) >= 3


def test_a_system_that_cannot_start_it_is_told(
    synced: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(["service", "install"]) == 6

    assert "kirikae service run" in capsys.readouterr().err


def test_no_fork_outlives_the_service(enrolled: Home, portal: Portal) -> None:
    with running_service(enrolled) as process:
        wait_for(lambda: portal.bodies("/api/v1/reports"))

    left = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
    assert left.stdout == ""
