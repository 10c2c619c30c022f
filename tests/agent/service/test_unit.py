"""The files by which the system starts the service."""

import plistlib
import sys
from pathlib import Path

import pytest
from kirikae.service.unit import unit_of

ENVIRONMENT = {"PATH": "/opt/bin:/usr/bin", "KIRIKAE_HOME": '/Users/ben/a "b" 100%$x', "SECRET": "canary"}


def test_a_mac_gets_an_agent_of_the_user_that_is_kept_alive() -> None:
    unit = unit_of("darwin", listen="10.0.0.7:7411", environment=ENVIRONMENT)

    document = plistlib.loads(unit.content.encode())
    assert unit.path == Path.home() / "Library" / "LaunchAgents" / "dev.kirikae.agent.plist"
    assert document["ProgramArguments"] == [
        sys.executable, "-I", "-m", "kirikae", "service", "run", "--listen", "10.0.0.7:7411",
    ]  # fmt: skip
    assert (document["KeepAlive"], document["ProcessType"], document["LowPriorityIO"]) == (True, "Background", True)
    assert document["EnvironmentVariables"] == {name: ENVIRONMENT[name] for name in ("PATH", "KIRIKAE_HOME")}


def test_linux_gets_a_unit_of_the_user_with_every_word_quoted() -> None:
    unit = unit_of("linux", listen=None, environment=ENVIRONMENT)

    assert f'ExecStart="{sys.executable}" "-I" "-m" "kirikae" "service" "run"\n' in unit.content
    assert 'Environment="KIRIKAE_HOME=/Users/ben/a \\"b\\" 100%%$x"\n' in unit.content
    assert "Restart=always\n" in unit.content


def test_a_dollar_is_doubled_only_where_systemd_expands_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """In arguments; the name of the program and variables are taken as they are (seen with systemd 257)."""
    monkeypatch.setattr(sys, "executable", "/home/be$n/a b/python")

    unit = unit_of("linux", listen="$PORT", environment={"PATH": "/opt/$x:/bin\nRestart=no"})

    assert 'ExecStart="/home/be$n/a b/python" "-I"' in unit.content
    assert '"--listen" "$$PORT"\n' in unit.content
    assert 'Environment="PATH=/opt/$x:/bin\\nRestart=no"\n' in unit.content


def test_neither_carries_what_the_service_does_not_need() -> None:
    contents = [unit_of(platform, listen=None, environment=ENVIRONMENT).content for platform in ("darwin", "linux")]

    assert all("canary" not in content for content in contents)
