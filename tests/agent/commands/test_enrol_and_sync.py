"""Enrolment, and taking in the policy bundle."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kirikae.cli import main
from kirikae.engine.bundle import parse_payload as parse
from kirikae.engine.bundle_value import Bundle
from kirikae.errors import NoPolicyError
from kirikae.home import Home
from kirikae.policy.bundle_store import load_bundle, mark_checked

from tests.agent.portal import Portal, payload_of
from tests.agent.standin import standin

pytestmark = pytest.mark.slow


@pytest.fixture
def portal() -> Portal:
    return Portal()


@pytest.fixture
def portal_url(portal: Portal) -> Iterator[str]:
    with standin(portal) as url:
        yield url


@pytest.fixture
def enrolled(portal: Portal, portal_url: str, home: Home, capsys: pytest.CaptureFixture[str]) -> Home:
    assert main(["enrol", portal_url, "--join-key", "good", "--name", "ben-mini"]) == 0
    capsys.readouterr()
    return home


def test_a_join_key_enrols_reports_and_syncs(
    portal: Portal, portal_url: str, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["enrol", portal_url, "--join-key", "good", "--name", "ben-mini"]) == 0

    assert "Enrolled as ben-mini (m_1)." in capsys.readouterr().out
    assert home.get_token() == "kmt_ID_SECRET"
    assert portal.bodies("/api/v1/enrolments")[0]["name"] == "ben-mini"
    assert portal.bodies("/api/v1/reports")[0]["schema"] == 1
    assert load_bundle(home).bundle.revision == 1
    assert "authorization: bearer kmt_id_secret" in portal.requests[-1][2]


def test_a_code_is_shown_and_polled_until_a_person_approves(
    portal: Portal, portal_url: str, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    portal.polls = [{"state": "pending"}, portal.approved()]

    assert main(["enrol", portal_url]) == 0

    said = capsys.readouterr().out
    assert "ABCD-EFGH" in said
    assert "memory_bytes" in said
    assert home.get_enrolment().machine == "m_1"


@pytest.mark.parametrize("state", ["denied", "expired"])
def test_an_enrolment_that_nobody_approves_leaves_nothing(
    portal: Portal, portal_url: str, home: Home, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    portal.polls = [{"state": state}]

    assert main(["enrol", portal_url]) == 1

    assert f"kirikae enrol {portal_url}" in capsys.readouterr().err
    assert home.find_enrolment() is None


def test_a_bad_join_key_is_told_with_the_code_of_the_portal(
    portal_url: str, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["enrol", portal_url, "--join-key", "bad"]) == 1

    assert "enrolment.join_key_invalid" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url",
    ["portal.example", "ftp://portal.example", "http://[::1", "http://portal:99999", "http://por tal", "https://"],
)
def test_what_is_no_address_is_told_before_anything_is_sent(
    home: Home, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    assert main(["enrol", url, "--join-key", "good"]) == 64

    assert capsys.readouterr().err.startswith(f"{url} is no address of a portal;")


def test_an_address_with_a_password_is_refused_without_telling_it_again(
    portal: Portal, portal_url: str, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["enrol", portal_url.replace("http://", "http://ben:secret@"), "--join-key", "good"]) == 64

    assert "holds no user or password" in (said := capsys.readouterr().err)
    assert "secret" not in said
    assert portal.requests == []


def test_a_portal_that_is_not_there_is_named(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with standin(Portal()) as url:
        pass

    assert main(["enrol", url, "--join-key", "good"]) == 1

    assert url in capsys.readouterr().err


def test_commands_of_a_machine_that_is_not_enrolled_exit_with_4(home: Home) -> None:
    assert [main([command]) for command in ("sync", "report", "bench")] == [4, 4, 4]


def test_an_unchanged_bundle_is_not_sent_again(
    portal: Portal, enrolled: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sync"]) == 0

    assert "still current" in capsys.readouterr().out
    assert "if-none-match" in portal.requests[-1][2]


def test_a_new_revision_replaces_the_old_one(portal: Portal, enrolled: Home) -> None:
    portal.payload = payload_of(revision=2)

    assert main(["sync"]) == 0

    assert load_bundle(enrolled).bundle.revision == 2
    assert sorted(file.suffix for file in (enrolled.path / "bundles").iterdir()) == [".compiled", ".json"]


def test_an_older_revision_keeps_the_last_good_bundle(
    portal: Portal, enrolled: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    portal.payload = payload_of(revision=5)
    main(["sync"])
    portal.payload = payload_of(revision=4)

    assert main(["sync"]) == 1

    assert "older than revision 5" in capsys.readouterr().err
    assert load_bundle(enrolled).bundle.revision == 5


def test_a_raised_epoch_lets_a_restored_portal_go_on(portal: Portal, enrolled: Home) -> None:
    portal.payload = payload_of(revision=5)
    main(["sync"])
    portal.payload = payload_of(revision=2, epoch=2)

    assert main(["sync"]) == 0

    assert load_bundle(enrolled).bundle.order == (2, 2)


def test_a_bundle_of_another_key_keeps_the_last_good_one(
    portal: Portal, enrolled: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    portal.payload, portal.key = payload_of(revision=2), Portal().key

    assert main(["sync"]) == 1

    assert "not signed by the key" in capsys.readouterr().err
    assert load_bundle(enrolled).bundle.revision == 1


def test_a_signed_bundle_of_an_unknown_version_keeps_the_last_good_one(portal: Portal, enrolled: Home) -> None:
    portal.payload = payload_of(revision=2).replace(b'"schema":1', b'"schema":9')

    assert main(["sync"]) == 1

    assert load_bundle(enrolled).bundle.revision == 1


def test_a_flipped_byte_in_the_kept_bundle_is_noticed_and_mended_by_sync(portal: Portal, enrolled: Home) -> None:
    (file,) = (enrolled.path / "bundles").glob("*.json")
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)

    with pytest.raises(NoPolicyError):
        load_bundle(enrolled)

    assert main(["sync"]) == 0
    assert load_bundle(enrolled).bundle.revision == 1


@pytest.mark.parametrize("content", [b"", b"damaged", None])
def test_without_its_compiled_form_the_bundle_itself_is_read(enrolled: Home, content: bytes | None) -> None:
    (file,) = (enrolled.path / "bundles").glob("*.compiled")
    before = load_bundle(enrolled).bundle
    file.unlink() if content is None else file.write_bytes(content)

    after = load_bundle(enrolled).bundle

    assert after.policy.tasks == before.policy.tasks
    assert list(after.policy.privacy_rules) == list(before.policy.privacy_rules)


def test_after_an_upgrade_the_bundle_is_compiled_once_and_kept(enrolled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kirikae.engine.compiled.ENGINE_VERSION", "99.0.0")
    read: list[bytes] = []

    def counted(payload: bytes) -> Bundle:
        read.append(payload)
        return parse(payload)

    monkeypatch.setattr("kirikae.engine.bundle.parse_payload", counted)

    bundles = [load_bundle(enrolled).bundle for _ in range(3)]

    assert len(read) == 1
    assert {bundle.revision for bundle in bundles} == {1}
    assert list(bundles[2].policy.tasks) == list(bundles[0].policy.tasks)


def test_where_no_compiled_bundle_can_be_kept_the_bundle_itself_is_read(enrolled: Home) -> None:
    (file,) = (enrolled.path / "bundles").glob("*.compiled")
    file.unlink()
    file.mkdir()

    assert load_bundle(enrolled).bundle.revision == 1
    assert [one.name for one in (enrolled.path / "bundles").iterdir() if one.name.startswith(".")] == []


def test_a_damaged_pointer_never_names_a_file_elsewhere(enrolled: Home, tmp_path: Path) -> None:
    enrolled.write_json("bundle.json", {"sha256": "../../etc/passwd"})

    with pytest.raises(NoPolicyError):
        load_bundle(enrolled)


def test_the_newest_time_seen_never_goes_back(portal: Portal, enrolled: Home) -> None:
    portal.clock_ahead = timedelta(days=1)
    portal.payload = payload_of(revision=2, issued_at=datetime(2099, 1, 1, tzinfo=UTC))
    main(["sync"])
    portal.payload = payload_of(revision=3)

    main(["sync"])

    assert load_bundle(enrolled).newest_time == datetime(2099, 1, 1, tzinfo=UTC)


def test_what_one_process_confirms_takes_back_no_newer_revision_of_another(enrolled: Home) -> None:
    before = load_bundle(enrolled).bundle
    enrolled.write_json("seen.json", enrolled.read_json("seen.json") | {"revision": 7})

    mark_checked(enrolled, before, at=datetime.now(UTC))

    assert enrolled.read_json("seen.json")["revision"] == 7


def test_a_time_that_is_still_to_come_is_forgotten_when_the_portals_clock_agrees(enrolled: Home) -> None:
    enrolled.write_json("seen.json", enrolled.read_json("seen.json") | {"newest_time": "2099-01-01T00:00:00Z"})

    main(["sync"])

    newest = load_bundle(enrolled).newest_time
    assert newest is not None
    assert newest < datetime(2099, 1, 1, tzinfo=UTC)


def test_receipts_wait_in_the_spool_until_the_portal_takes_them(portal: Portal, enrolled: Home) -> None:
    spool_receipts(enrolled, count=22)
    portal.receipts_status = "503 Service Unavailable"

    assert main(["sync"]) == 1
    assert len(list((enrolled.path / "receipts").iterdir())) == 22

    portal.receipts_status = "200 OK"
    portal.requests.clear()
    assert main(["sync"]) == 0
    assert not list((enrolled.path / "receipts").iterdir())
    assert [len(one["receipts"]) for one in portal.bodies("/api/v1/receipts")] == [20, 2]


def test_a_receipt_that_the_portal_never_reads_does_not_hold_back_the_others(portal: Portal, enrolled: Home) -> None:
    spool_receipts(enrolled, count=3)
    portal.receipts_status = "400 Bad Request"

    assert main(["sync"]) == 0

    assert not list((enrolled.path / "receipts").iterdir())
    assert len(list((enrolled.path / "receipts-refused").iterdir())) == 3


@pytest.mark.parametrize("content", [b"", b"null", b'{"number": ', b"\xff\xfe\x00", b"[" * 200_000])
def test_a_damaged_receipt_is_put_aside_told_and_does_not_hold_back_the_others(
    portal: Portal, enrolled: Home, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    spool_receipts(enrolled, count=2)
    enrolled.write("receipts/00-end.json", content)
    (enrolled.path / "receipts" / "00-folder.json").mkdir()

    assert main(["sync"]) == 0
    main(["service", "status"])

    assert portal.bodies("/api/v1/receipts") == [{"receipts": [{"number": 0}, {"number": 1}]}]
    assert not list((enrolled.path / "receipts").iterdir())
    assert (enrolled.path / "receipts-refused" / "00-end.json").read_bytes() == content
    assert f"does not read: 2, in {enrolled.path / 'receipts-refused'}" in capsys.readouterr().out


def test_a_receipt_that_another_process_sent_meanwhile_is_passed_over(
    portal: Portal, enrolled: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool_receipts(enrolled, count=2)
    listed = sorted((enrolled.path / "receipts").iterdir())
    monkeypatch.setattr(Path, "glob", lambda *_: iter(listed))
    listed[0].unlink()

    assert main(["sync"]) == 0

    assert portal.bodies("/api/v1/receipts") == [{"receipts": [{"number": 1}]}]


def spool_receipts(home: Home, *, count: int) -> None:
    for number in range(count):
        home.write_json(f"receipts/{number:02}-start.json", {"number": number})


def test_report_show_prints_what_would_be_sent_and_sends_nothing(
    portal: Portal, enrolled: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    portal.requests.clear()

    assert main(["report", "--show"]) == 0

    assert json.loads(capsys.readouterr().out)["schema"] == 1
    assert portal.requests == []
