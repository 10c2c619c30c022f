"""Claude Code's own sandbox: how it is asked for, and whether it would start."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from kirikae.confining.client_sandbox import confine_commands, is_available


def test_it_is_asked_for_before_the_developers_arguments_and_opens_nothing() -> None:
    argv = confine_commands(("claude", "--model", "m", "-p", "say hi"))

    assert (argv[0], argv[2:]) == ("claude", ("--model", "m", "-p", "say hi"))
    sandbox = json.loads(argv[1].removeprefix("--settings="))["sandbox"]
    assert sandbox["enabled"]
    assert sandbox["failIfUnavailable"]
    assert not sandbox["allowUnsandboxedCommands"]
    assert not sandbox["autoAllowBashIfSandboxed"]
    assert sandbox["network"]["allowedDomains"] == []


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


@pytest.mark.slow
@pytest.mark.where("confinement")
def test_it_starts_with_bubblewrap_and_socat_only(needs_program: Callable[[str], str], programs: Path) -> None:
    os.environ["PATH"], here = os.defpath, os.environ["PATH"]
    found = {name: needs_program(name) for name in ("bwrap", "socat", "true")}
    os.environ["PATH"] = here

    (programs / "bwrap").symlink_to(found["bwrap"])
    (programs / "true").symlink_to(found["true"])
    assert not is_available("linux")

    (programs / "socat").symlink_to(found["socat"])
    assert is_available("linux")


def test_bubblewrap_that_may_not_make_namespaces_is_of_no_use(programs: Path) -> None:
    for name in ("bwrap", "socat"):
        (programs / name).write_text("#!/bin/sh\nexit 1\n")
        (programs / name).chmod(0o755)

    assert not is_available("linux")
