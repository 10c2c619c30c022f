"""Wrappers and the service write to one state folder: what was seen never goes back, whoever writes last."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from kirikae.home import Enrolment, Home
from kirikae.moments import write_moment
from kirikae.policy.bundle_store import accept_bundle, load_bundle

from tests.agent.portal import Portal, payload_of

pytestmark = pytest.mark.slow

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
PROCESSES, TIMES = 4, 25
# Each line of the input is one thing to do; after it what was seen may not lie below what this process saw or did.
WRITER = """
import json, sys
from datetime import datetime
from pathlib import Path
from kirikae.errors import PortalError
from kirikae.home import Home
from kirikae.policy import bundle_store

home = Home(Path(sys.argv[1]))
steps = json.load(sys.stdin)
bundle, low = bundle_store.load_bundle(home).bundle, {"newest_time": "", "revision": 0}
for step in steps:
    at = datetime.fromisoformat(step["at"])
    if "document" in step:
        try:
            bundle_store.accept_bundle(home, step["document"], enrolment=home.get_enrolment(), etag="e", at=at)
        except PortalError as error:
            assert error.code == "bundle.older", error.code
    elif step["confirms"]:
        bundle_store.mark_checked(home, bundle, at=at)
    else:
        bundle_store.mark_time(home, at=at)
    seen = home.read_json("seen.json")
    assert datetime.fromisoformat(seen["newest_time"]) >= at, "a newer time was lost"
    assert all(seen[name] >= low[name] for name in low), "what was seen went back"
    stored = bundle_store.load_bundle(home)
    assert stored.bundle.revision >= low["revision"], "an older policy came into force"
    low = {"newest_time": seen["newest_time"], "revision": max(stored.bundle.revision, seen["revision"])}
"""


@pytest.fixture
def portal() -> Portal:
    return Portal(payload=payload_of(issued_at=START))


@pytest.fixture
def enrolled(home: Home, portal: Portal) -> Home:
    enrolment = Enrolment("http://127.0.0.1:9", machine="m_1", name="ben-mini", signing_key=portal.signing_key)
    home.save_enrolment(enrolment, token="kmt_ID_SECRET")
    accept_bundle(home, portal.bundle(), enrolment=enrolment, etag="e", at=START)
    return home


def run_at_once(home: Home, plans: Sequence[Sequence[dict[str, object]]]) -> list[str]:
    """What each process complained of."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, home.path], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _plan in plans
    ]
    # They wait for the end of their input, so that the imports of none delay it behind the others.
    for writer, plan in zip(writers, plans, strict=True):
        assert writer.stdin is not None
        writer.stdin.write(json.dumps(plan))
        writer.stdin.flush()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    complaints = []
    for writer in writers:
        with writer:
            assert writer.stderr is not None
            complaints.append(writer.stderr.read()[-500:])
    return complaints


def moment(number: int) -> str:
    return write_moment(START + timedelta(seconds=number))


def test_the_newest_time_of_any_process_stays(enrolled: Home) -> None:
    plans = [
        [{"at": moment(number * PROCESSES + process), "confirms": number % 5 == 0} for number in range(TIMES)]
        for process in range(PROCESSES)
    ]

    assert run_at_once(enrolled, plans) == [""] * PROCESSES

    assert enrolled.read_json("seen.json")["newest_time"] == moment(TIMES * PROCESSES - 1)


def test_the_newest_revision_of_any_process_stays_in_force(enrolled: Home, portal: Portal) -> None:
    documents = []
    for revision in range(2, 2 + TIMES):
        portal.payload = payload_of(revision=revision, issued_at=START)
        documents.append(portal.bundle())
    steps: list[dict[str, object]] = [
        {"at": moment(number), "document": document} for number, document in enumerate(documents)
    ]

    assert run_at_once(enrolled, [steps[process::2] for process in range(2)]) == ["", ""]

    newest = load_bundle(enrolled)
    assert newest.bundle.revision == enrolled.read_json("seen.json")["revision"] == 1 + TIMES
    assert [file.suffix for file in (enrolled.path / "bundles").iterdir()].count(".json") == 1
