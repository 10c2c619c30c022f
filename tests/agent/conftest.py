"""A home folder, and repositories made by the real git."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from kirikae.home import Home

type Git = Callable[..., str]


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIRIKAE_LANG", "en")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path / "kirikae-home")
    monkeypatch.setenv("KIRIKAE_HOME", str(home.path))
    home.prepare()
    return home


@pytest.fixture
def git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Git:
    """Runs git without the developer's own configuration; home is the test's folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    (tmp_path / ".gitconfig").write_text(
        "[user]\n\tname = Ben\n\temail = ben@example.org\n[init]\n\tdefaultBranch = main\n"
    )

    def run(folder: Path, *arguments: str) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return run
