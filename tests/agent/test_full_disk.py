"""A full disk: what must be on the disk stops a launch in one sentence, what can be found out again stops nothing."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from kirikae.cli import main
from kirikae.errors import PreflightError
from kirikae.home import Enrolment, Home
from kirikae.moments import now, write_moment
from kirikae.policy.bundle_store import accept_bundle
from kirikae.texts import say

from tests.agent.conftest import Git
from tests.agent.portal import Portal, payload_of
from tests.agent.standin import standin

pytestmark = pytest.mark.slow


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may hold a byte: the system's own limit, so that nothing of the disk is pretended."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def names_in(home: Home) -> set[str]:
    return {str(file.relative_to(home.path)) for file in home.path.rglob("*") if file.is_file()}


def commit(git: Git, folder: Path) -> None:
    """First commits are kept from then on."""
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")


def test_a_question_is_answered(synced: Home, git: Git, open_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(git, open_project)
    with full_disk():
        assert main(["ask", "architecture-design"]) == 0

    assert capsys.readouterr().out.startswith("cloud\n")


@pytest.mark.where("linux")  # whose /dev/full it is
def test_an_answer_that_has_no_room_is_one_sentence(synced: Home, open_project: Path) -> None:
    for command in ("ask architecture-design", "shell-init bash"):
        line = f'"{sys.executable}" -m kirikae {command} >/dev/full'
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=20, check=False)

        assert (done.returncode, done.stderr) == (1, say("output.no_room") + "\n")


def test_a_newer_policy_that_cannot_be_kept_closes_the_one_before(
    home: Home, portal: Portal, git: Git, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(git, open_project)
    with standin(portal) as url:
        enrolment = Enrolment(url, machine="m_1", name="ben-mini", signing_key=portal.signing_key)
        home.save_enrolment(enrolment, token="kmt_ID_SECRET")
        accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=now())
        home.write_json(
            "seen.json", home.read_json("seen.json") | {"checked_at": write_moment(now() - timedelta(hours=1))}
        )
        portal.payload = payload_of(revision=2, unclassified={"identified": "local_only", "anonymous": "local_only"})
        with full_disk():
            assert main(["ask", "architecture-design"]) == 3

        said = capsys.readouterr().out
        assert "a newer policy than this one was seen" in said
        assert main(["ask", "architecture-design"]) == 3
        assert "policy revision 2, confirmed 0 s ago (fresh)" in capsys.readouterr().out


def test_a_launch_is_refused_in_one_sentence_and_leaves_what_was_there(
    synced: Home,
    git: Git,
    open_project: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commit(git, open_project)
    before = names_in(synced)
    with full_disk():
        code = main(["run", "--task", "commit-message", "--", "true"])

    assert code == PreflightError.exit_code
    said = capsys.readouterr().err.strip()
    assert said.startswith("The disk is full: ")
    assert said.count("\n") == 0
    assert names_in(synced) == before


@pytest.mark.usefixtures("runtime_url")
def test_protected_work_is_not_launched(
    synced: Home, protected_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with full_disk():
        code = main(["run", "--task", "commit-message", "--allow", "true", "--", "true"])

    assert code == PreflightError.exit_code
    assert capsys.readouterr().err.startswith("The disk is full: ")


def test_a_join_key_is_not_spent(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    portal = Portal()
    with standin(portal) as url, full_disk():
        code = main(["enrol", url, "--join-key", "good"])

    assert code == PreflightError.exit_code
    assert capsys.readouterr().err.startswith("The disk is full: ")
    assert portal.requests == []


def test_a_request_that_could_not_be_kept_is_not_made(
    synced: Home, portal: Portal, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with standin(portal) as url:
        synced.save_enrolment(synced.get_enrolment()._replace(portal_url=url), token="kmt_ID_SECRET")
        with full_disk():
            code = main(["request", "classify"])

    assert code == PreflightError.exit_code
    assert capsys.readouterr().err.startswith("The disk is full: ")
    assert portal.requests == []


def test_doctor_says_so(synced: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with full_disk():
        code = main(["doctor"])

    assert code == PreflightError.exit_code
    assert "bad   state folder: The disk is full: " in capsys.readouterr().out


def test_a_receipt_that_cannot_be_written_leaves_those_that_wait(
    synced: Home, open_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["run", "--task", "commit-message", "--", "no-such-program"])
    waiting = {file.name: json.loads(file.read_bytes()) for file in (synced.path / "receipts").iterdir()}
    with full_disk():
        main(["run", "--task", "commit-message", "--", "no-such-program"])

    assert {file.name: json.loads(file.read_bytes()) for file in (synced.path / "receipts").iterdir()} == waiting
