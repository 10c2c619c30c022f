"""A home folder with a policy, a runtime, and repositories made by the real git."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kirikae import token_store
from kirikae.home import Enrolment, Home
from kirikae.moments import now
from kirikae.policy.bundle_store import accept_bundle
from kirikae.signals import ssh_hosts

from portal.env import PORTAL_NAMES
from tests.agent.portal import Portal, payload_of
from tests.agent.standin import llama_cpp, standin

type Git = Callable[..., str]


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIRIKAE_LANG", "en")


@pytest.fixture(autouse=True)
def nothing_of_the_developer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty home folder, a shell without settings, and no runtime but those that a test names.

    It holds for the programs that a test starts as well.
    """
    for name in os.environ.keys() - PORTAL_NAMES:
        if name.startswith(("ANTHROPIC_", "CLAUDE", "GIT_", "HF_", "KIRIKAE_", "OLLAMA_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KIRIKAE_RUNTIMES_ONLY", "1")


@pytest.fixture(autouse=True)
def no_keychain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests on a Mac leave the developer's own alone."""
    monkeypatch.setattr(token_store, "SECURITY", "/nowhere/security")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path / "kirikae-home")
    monkeypatch.setenv("KIRIKAE_HOME", str(home.path))
    home.prepare()
    return home


@pytest.fixture
def git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Git:
    """Runs git without the developer's own configuration of git and ssh."""
    (tmp_path / ".gitconfig").write_text(
        "[user]\n\tname = Ben\n\temail = ben@example.org\n[init]\n\tdefaultBranch = main\n"
    )

    resolve_nothing = tmp_path / "bin" / "ssh"
    resolve_nothing.parent.mkdir()
    resolve_nothing.write_text("#!/bin/sh\nexit 255\n")
    resolve_nothing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{resolve_nothing.parent}{os.pathsep}{os.environ['PATH']}")
    ssh_hosts._ask_ssh.cache_clear()

    def run(folder: Path, *arguments: str) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return run


LOCAL_TASK = "commit-message"
PROTECTED = {
    "id": "nda-acme",
    "effect": "local_only",
    "match": {"remotes": ["github.com/acme/**"]},
    "reason": {"en": "NDA with Acme", "ja": "Acme社とのNDA"},
}


@pytest.fixture
def portal() -> Portal:
    """Its policy: identified projects may use the cloud, Acme's may not."""
    unclassified = {"identified": "cloud_ok", "anonymous": "local_only"}
    return Portal(payload=payload_of(unclassified=unclassified, privacy_rules=[PROTECTED]))


@pytest.fixture
def synced(home: Home, portal: Portal) -> Home:
    """Enrolled, with the policy in force, at a portal that does not answer any more."""
    enrolment = Enrolment("http://127.0.0.1:9", machine="m_1", name="ben-mini", signing_key=portal.signing_key)
    home.save_enrolment(enrolment, token="kmt_ID_SECRET")
    accept_bundle(home, portal.bundle(), enrolment=enrolment, etag=portal.etag, at=now())
    return home


@pytest.fixture
def runtime_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A llama-server with one model that is large enough for a client."""
    with standin(llama_cpp()) as url:
        monkeypatch.setenv("KIRIKAE_RUNTIMES", url)
        yield url


@pytest.fixture
def open_project(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(git, tmp_path / "site", "git@github.com:example/site.git", monkeypatch)


@pytest.fixture
def protected_project(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(git, tmp_path / "app", "git@github.com:acme/app.git", monkeypatch)


def enter(git: Git, folder: Path, remote: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", remote)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PWD", str(folder))
    return folder
