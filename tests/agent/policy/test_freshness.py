"""How old a policy may be for what answer; the machine's clock is set as the tests need it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from kirikae.cli import main
from kirikae.home import Enrolment, Home
from kirikae.policy.bundle_store import WITHDRAWING, accept_bundle, load_bundle
from kirikae.policy.freshness import policy_in_force

from tests.agent.portal import Portal, payload_of
from tests.agent.running_service import PATIENCE_S
from tests.agent.standin import hang, standin

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
OPEN = {"identified": "cloud_ok", "anonymous": "local_only"}


@pytest.fixture
def portal() -> Portal:
    return Portal(payload=payload_of(issued_at=START, unclassified=OPEN))


@pytest.fixture
def at_portal(home: Home, portal: Portal, open_project: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """With a policy that was confirmed at START, and time for a portal that a busy machine keeps waiting."""
    monkeypatch.setattr("kirikae.policy.refresh.REFRESH_BUDGET_S", PATIENCE_S)
    with standin(portal) as url:
        enrol(home, portal, url)
        yield home


@pytest.fixture
def away(home: Home, portal: Portal, open_project: object) -> Home:
    enrol(home, portal, "http://127.0.0.1:9")
    return home


def enrol(home: Home, portal: Portal, url: str) -> None:
    enrolment = Enrolment(url, machine="m_1", name="ben-mini", signing_key=portal.signing_key)
    home.save_enrolment(enrolment, token="kmt_ID_SECRET")
    accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=START)


def ask(capsys: pytest.CaptureFixture[str], *, at: datetime) -> tuple[str, str]:
    with time_machine.travel(at, tick=False):
        main(["ask", "architecture-design", "--json"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document["backend"], document["policy"]["state"]


def test_within_minutes_no_network_is_needed(
    at_portal: Home, portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(capsys, at=START + timedelta(minutes=4)) == ("cloud", "fresh")
    assert portal.requests == []


def test_later_one_conditional_question_confirms_it(
    at_portal: Home, portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    later = START + timedelta(minutes=10)

    assert ask(capsys, at=later) == ("cloud", "fresh")
    assert ask(capsys, at=later + timedelta(minutes=4)) == ("cloud", "fresh")

    (asked,) = portal.requests
    assert (asked[0], asked[1]) == ("GET", "/api/v1/bundle")
    assert f"if-none-match: {portal.etag}" in asked[2]


def test_a_local_answer_asks_nobody(
    at_portal: Home, portal: Portal, runtime_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with time_machine.travel(START + timedelta(hours=30), tick=False):
        main(["ask", "confidential-code"])

    assert portal.requests == []


def test_a_portal_that_does_not_answer_costs_its_moment_and_the_age_is_told(
    home: Home, portal: Portal, open_project: object, capsys: pytest.CaptureFixture[str]
) -> None:
    with standin(hang) as url:
        enrol(home, portal, url)
        before = time.monotonic()

        assert ask(capsys, at=START + timedelta(hours=2)) == ("cloud", "stale")

        assert time.monotonic() - before < 5
        with time_machine.travel(START + timedelta(hours=2), tick=False):
            main(["ask", "architecture-design"])
        assert "confirmed 7200 s ago (not confirmed recently)" in capsys.readouterr().out


def test_past_its_longest_age_it_opens_nothing_while_the_portal_is_away(
    away: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(capsys, at=START + timedelta(hours=25)) == ("none", "expired")


def test_past_its_longest_age_a_portal_that_answers_opens_it_again(
    at_portal: Home, portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    portal.payload = payload_of(issued_at=START + timedelta(hours=25), unclassified=OPEN)

    assert ask(capsys, at=START + timedelta(hours=25)) == ("cloud", "fresh")


def test_a_clock_set_back_after_the_policy_was_confirmed_closes_the_cloud(
    away: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(capsys, at=START - timedelta(days=3)) == ("none", "expired")


def test_a_clock_set_back_to_a_time_that_was_seen_does_not_make_it_young(
    away: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(capsys, at=START + timedelta(hours=23)) == ("cloud", "stale")

    assert ask(capsys, at=START + timedelta(minutes=1)) == ("none", "expired")


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        ("clock", "clock stands before a time"),
        ("revision", "a newer policy"),
        ("withdrawn", "gives this machine no policy"),
    ],
)
def test_why_a_policy_is_not_trusted_is_said_instead_of_its_age(
    away: Home, capsys: pytest.CaptureFixture[str], cause: str, sentence: str
) -> None:
    seen = away.read_json("seen.json")
    changed: dict[str, dict[str, object]] = {"clock": {}, "revision": {"revision": 9}, "withdrawn": {"withdrawn": "x"}}
    away.write_json("seen.json", seen | changed[cause])

    with time_machine.travel(START - timedelta(days=3 if cause == "clock" else 0), tick=False):
        main(["ask", "architecture-design"])
        assert sentence in capsys.readouterr().out
        main(["doctor"])
        said = capsys.readouterr().out

    assert sentence in next(line for line in said.splitlines() if line.startswith("bad   policy"))


def test_with_a_clock_set_back_the_portal_is_asked_for_each_cloud_answer(
    at_portal: Home, portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    back = START - timedelta(days=3)

    assert [ask(capsys, at=back), ask(capsys, at=back)] == [("cloud", "fresh")] * 2

    assert len(portal.requests) == 2


def test_a_clock_that_once_went_years_ahead_is_forgotten_when_the_portals_agrees_with_it_again(
    at_portal: Home, portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(capsys, at=START + timedelta(days=30_000))[0] == "cloud"

    assert ask(capsys, at=START + timedelta(hours=1)) == ("cloud", "fresh")
    asked = len(portal.requests)
    assert ask(capsys, at=START + timedelta(hours=1)) == ("cloud", "fresh")

    assert len(portal.requests) == asked


def test_a_clock_that_the_portals_does_not_agree_with_forgets_nothing(
    at_portal: Home, portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(capsys, at=START + timedelta(days=30_000))
    portal.clock_ahead = timedelta(days=1)

    ask(capsys, at=START + timedelta(hours=1))

    assert str(at_portal.read_json("seen.json")["newest_time"]).startswith("2109")


@pytest.mark.parametrize("seconds", [-200, 200])
def test_clocks_may_differ_by_minutes(away: Home, capsys: pytest.CaptureFixture[str], seconds: int) -> None:
    assert ask(capsys, at=START + timedelta(seconds=seconds)) == ("cloud", "fresh")


def test_a_304_for_a_bundle_that_nobody_named_confirms_nothing(
    at_portal: Home, portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    at_portal.write_json("bundle.json", at_portal.read_json("bundle.json") | {"etag": None})
    portal.payload = payload_of(revision=2, issued_at=START, unclassified={"identified": "block", "anonymous": "block"})

    assert ask(capsys, at=START + timedelta(hours=2)) == ("none", "fresh")


def test_odd_notes_of_time_are_no_times(away: Home) -> None:
    away.write_json("seen.json", {"checked_at": "soon", "newest_time": 5})

    with time_machine.travel(START + timedelta(hours=2), tick=False):
        assert policy_in_force(load_bundle(away)).state == "stale"


def test_a_launch_says_that_its_policy_is_old(away: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with time_machine.travel(START + timedelta(hours=2), tick=False):
        main(["run", "--task", "architecture-design", "--dry-run", "--", "claude"])

    assert "confirmed 7200 s ago (not confirmed recently)" in capsys.readouterr().err


@pytest.mark.parametrize("code", sorted(WITHDRAWING))
def test_what_the_portal_took_back_opens_nothing_until_it_is_confirmed_again(
    at_portal: Home, portal: Portal, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    later = START + timedelta(minutes=10)
    portal.refusal = code
    assert ask(capsys, at=later) == ("none", "expired")

    with closing_the_line(at_portal):
        assert ask(capsys, at=later + timedelta(minutes=1)) == ("none", "expired")

    portal.refusal = ""
    assert ask(capsys, at=later + timedelta(minutes=2)) == ("cloud", "fresh")
    with closing_the_line(at_portal):
        assert ask(capsys, at=later + timedelta(minutes=3)) == ("cloud", "fresh")


def test_an_older_policy_that_was_put_back_opens_nothing_until_the_portal_answers(
    home: Home, portal: Portal, open_project: object, capsys: pytest.CaptureFixture[str]
) -> None:
    with standin(portal) as url:
        enrol(home, portal, url)
        older = {file: file.read_bytes() for file in (home.path / "bundles").iterdir()}
        older[home.path / "bundle.json"] = (home.path / "bundle.json").read_bytes()
        portal.payload = payload_of(revision=2, issued_at=START, unclassified=OPEN)
        assert main(["sync"]) == 0
        for file, content in older.items():
            file.write_bytes(content)
        enrolment = home.get_enrolment()
        home.save_enrolment(enrolment._replace(portal_url="http://127.0.0.1:9"), token="kmt_ID_SECRET")
        capsys.readouterr()
        assert ask(capsys, at=START) == ("none", "expired")

        home.save_enrolment(enrolment, token="kmt_ID_SECRET")
        assert ask(capsys, at=START) == ("cloud", "fresh")
        assert load_bundle(home).bundle.revision == 2


@pytest.mark.parametrize("code", ["login.required", "", 5, None])
def test_another_refusal_takes_nothing_back(
    at_portal: Home, portal: Portal, capsys: pytest.CaptureFixture[str], code: Any
) -> None:
    portal.refusal = code or "proxy"

    assert ask(capsys, at=START + timedelta(minutes=10)) == ("cloud", "stale")


@pytest.mark.slow
def test_sync_that_is_refused_takes_the_policy_back(
    at_portal: Home, portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    portal.refusal = "machine.quarantined"

    assert main(["sync"]) != 0
    capsys.readouterr()

    assert ask(capsys, at=START + timedelta(minutes=1)) == ("none", "expired")


@contextmanager
def closing_the_line(home: Home) -> Iterator[None]:
    """Nothing answers at the portal's address."""
    before = home.read_json("machine.json")
    home.write_json("machine.json", before | {"portal_url": "http://127.0.0.1:9"})
    yield
    home.write_json("machine.json", before)
