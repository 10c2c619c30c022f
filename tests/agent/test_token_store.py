"""The token in a keychain, by a stand-in for the system's program, and in a file."""

import stat
from pathlib import Path

import pytest
from kirikae import token_store
from kirikae.errors import NotEnrolledError
from kirikae.home import Enrolment, Home

ENROLMENT = Enrolment("http://portal", machine="m_1", name="ben-mini", signing_key="a2V5")
# Keeps what `-i` is typed and finds it again; its arguments go to a file, as any user of the machine could see them.
KEYCHAIN = """#!/bin/sh
echo "$*" >> {folder}/arguments
case $1 in
-i) read -r line; echo "${{line##* }}" > {folder}/kept;;
find-generic-password) cat {folder}/kept;;
esac
"""


@pytest.fixture
def keychain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return install(tmp_path, monkeypatch, KEYCHAIN.format(folder=tmp_path))


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    program = folder / "security"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setattr(token_store, "SECURITY", str(program))
    return folder


def test_a_mac_keeps_the_token_in_its_keychain_and_in_no_file(home: Home, keychain: Path) -> None:
    home.save_enrolment(ENROLMENT, token="kmt_ID_SECRET")

    assert home.get_token() == "kmt_ID_SECRET"
    assert not (home.path / "token").exists()


def test_the_token_is_never_an_argument(home: Home, keychain: Path) -> None:
    home.save_enrolment(ENROLMENT, token="kmt_ID_SECRET")
    home.get_token()

    assert "SECRET" not in (keychain / "arguments").read_text()


def test_a_token_from_before_the_keychain_moves_into_it(home: Home, keychain: Path) -> None:
    home.write("token", b"kmt_ID_OLD")

    home.save_enrolment(ENROLMENT, token="kmt_ID_NEW")

    assert home.get_token() == "kmt_ID_NEW"


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 51\n", "#!/bin/sh\ncat > /dev/null\n", "#!/bin/sh\necho other\n"])
def test_a_keychain_that_does_not_give_it_back_leaves_a_file_for_this_user(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    install(tmp_path, monkeypatch, script)

    home.save_enrolment(ENROLMENT, token="kmt_ID_SECRET")

    assert home.get_token() == "kmt_ID_SECRET"
    assert stat.S_IMODE((home.path / "token").stat().st_mode) == 0o600


@pytest.mark.parametrize("token", ['kmt_1_x" -T /usr/bin/evil', "kmt_1_x\ndelete-keychain", ""])
def test_what_is_no_token_is_typed_into_no_keychain(keychain: Path, token: str) -> None:
    assert token_store.keep_in_keychain("m_1", token) is False
    assert not (keychain / "arguments").exists()


def test_an_empty_keychain_is_no_token(home: Home, keychain: Path) -> None:
    home.write_json("machine.json", {"portal_url": "u", "machine": "m", "name": "n", "signing_key": "k"})

    with pytest.raises(NotEnrolledError):
        home.get_token()
