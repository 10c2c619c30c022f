"""The state folder, and what is kept in it."""

import stat
from pathlib import Path

import pytest
from kirikae.errors import NotEnrolledError, PreflightError
from kirikae.home import Enrolment, Home, find_home
from kirikae.texts import say

ENROLMENT = Enrolment(portal_url="http://portal", machine="m_1", name="ben-mini", signing_key="a2V5")


def mode(home: Home, name: str) -> int:
    return stat.S_IMODE((home.path / name).stat().st_mode)


def test_only_this_user_reads_the_folder_and_the_token(home: Home) -> None:
    home.save_enrolment(ENROLMENT, token="kmt_1_secret")

    assert (mode(home, "."), mode(home, "token"), mode(home, "machine.json")) == (0o700, 0o600, 0o600)
    assert home.get_token() == "kmt_1_secret"
    assert home.get_enrolment() == ENROLMENT


def test_a_folder_that_others_may_read_is_closed(home: Home) -> None:
    home.path.chmod(0o755)

    home.prepare()

    assert mode(home, ".") == 0o700


def test_an_open_folder_with_the_files_of_others_is_left_as_it_is(home: Home) -> None:
    (home.path / "notes").touch()
    home.path.chmod(0o755)

    with pytest.raises(PreflightError):
        home.prepare()

    assert mode(home, ".") == 0o755


def test_an_open_folder_of_an_enrolled_machine_is_closed(home: Home) -> None:
    home.save_enrolment(ENROLMENT, token="kmt_1_secret")
    home.path.chmod(0o755)

    home.prepare()

    assert mode(home, ".") == 0o700


def test_a_machine_that_is_not_enrolled_is_told_so(home: Home) -> None:
    with pytest.raises(NotEnrolledError):
        home.get_enrolment()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"kmt_x\ny", b"kmt_\x00"])
def test_a_damaged_token_is_named_and_sent_to_nobody(home: Home, content: bytes) -> None:
    home.write("token", content)

    with pytest.raises(NotEnrolledError) as caught:
        home.get_token()

    assert say(caught.value.code, **caught.value.data).startswith(f"{home.path / 'token'} does not hold a token")


def test_a_damaged_file_counts_as_missing(home: Home) -> None:
    home.write("machine.json", b"{" * 50_000)

    assert home.find_enrolment() is None


def test_another_key_forgets_the_bundle_of_the_one_before(home: Home) -> None:
    home.save_enrolment(ENROLMENT, token="t")
    home.write_json("bundle.json", {"sha256": "0"})
    home.write_json("seen.json", {"revision": 9})

    home.save_enrolment(ENROLMENT._replace(signing_key="b3RoZXI="), token="t")

    assert home.read_json("bundle.json") == {}
    assert home.read_json("seen.json") == {}


@pytest.mark.parametrize("state", ["app/.kirikae", "app/deep/state", "link/.kirikae"])
def test_a_state_folder_in_a_repository_is_refused(tmp_path: Path, state: str) -> None:
    (tmp_path / "app" / ".git").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "app")

    with pytest.raises(PreflightError, match=r"home\.in_project"):
        find_home({"KIRIKAE_HOME": str(tmp_path / state)})


@pytest.mark.parametrize("variables", [{"KIRIKAE_HOME": ".kirikae"}, {"XDG_STATE_HOME": "."}])
def test_a_state_folder_in_the_working_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.platform", "linux")

    with pytest.raises(PreflightError, match=r"home\.in_project"):
        find_home(variables)


def test_a_home_folder_that_is_a_repository_holds_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr("kirikae.project_folders.home_of_user", lambda: str(tmp_path))
    monkeypatch.chdir(tmp_path)

    assert find_home({"KIRIKAE_HOME": str(tmp_path / "state")}).path == tmp_path / "state"
