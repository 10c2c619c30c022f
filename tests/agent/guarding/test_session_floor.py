"""The session floor of a config folder."""

import stat
import threading
from pathlib import Path

import pytest
from kirikae.guarding.session_floor import read_floor, tighten_floor
from kirikae.home import Home


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "claude config\n'nda'"


def test_a_folder_without_protected_work_has_no_floor(home: Home, folder: Path) -> None:
    assert tighten_floor(home, folder, "cloud_ok") is None
    assert read_floor(home, folder) is None


def test_the_strictest_effect_counts_and_is_never_loosened(home: Home, folder: Path) -> None:
    floors = [tighten_floor(home, folder, effect) for effect in ("org_only", "local_only", "org_only", "cloud_ok")]

    assert floors == ["org_only", "local_only", "local_only", "local_only"]


def test_an_unknown_effect_counts_as_local_only(home: Home, folder: Path) -> None:
    assert tighten_floor(home, folder, "../moon_only") == "local_only"


def test_another_folder_has_its_own_floor(home: Home, folder: Path, tmp_path: Path) -> None:
    tighten_floor(home, folder, "block")

    assert read_floor(home, tmp_path / "other") is None


def test_a_link_to_the_folder_has_the_same_floor(home: Home, folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (tmp_path / "short").symlink_to(folder)
    tighten_floor(home, folder, "local_only")

    assert read_floor(home, tmp_path / "short") == "local_only"


def test_two_launches_at_once_keep_the_stricter_floor(home: Home, folder: Path) -> None:
    launches = [
        threading.Thread(target=tighten_floor, args=(home, folder, effect)) for effect in ("org_only", "local_only") * 4
    ]
    for launch in launches:
        launch.start()
    for launch in launches:
        launch.join()

    assert read_floor(home, folder) == "local_only"


def test_only_this_user_may_read_it(home: Home, folder: Path) -> None:
    tighten_floor(home, folder, "local_only")

    (kept,) = (home.path / "floors").glob("*/*")
    assert (stat.S_IMODE(kept.stat().st_mode), stat.S_IMODE(kept.parent.stat().st_mode)) == (0o600, 0o700)
