"""The profile for macOS by its shape, and that the proof believes nothing: no Mac has run either here."""

import re
import sys
from pathlib import Path

import pytest
from kirikae.confining.seatbelt import PROFILE, confine_by_profile, does_profile_hold


def rules() -> list[str]:
    """Each rule in one line."""
    without_comments = re.sub(r";.*", "", PROFILE)
    return [" ".join(rule.split()) for rule in re.split(r"\n(?=\()", without_comments) if rule.strip()]


def test_only_loopback_is_allowed_after_all_networks_are_denied() -> None:
    found = rules()

    allowed = found[found.index("(deny network*)") + 1 :]
    assert found[:2] == ["(version 1)", "(allow default)"]
    assert [rule for rule in allowed if rule.startswith("(allow")] == [
        '(allow network-bind (local ip "localhost:*"))',
        '(allow network-inbound (local ip "localhost:*"))',
        '(allow network-outbound (remote ip "localhost:*"))',
    ]
    assert "unix" not in PROFILE


def test_what_would_act_for_the_program_is_denied() -> None:
    denied = " ".join(rule for rule in rules() if rule.startswith("(deny"))

    for word in ("com.apple.dnssd.service", "nsurlsessiond", "appleevent-send", "job-creation", "lsopen"):
        assert word in denied


def test_parentheses_and_quotes_are_in_pairs() -> None:
    assert PROFILE.count("(") == PROFILE.count(")")
    assert PROFILE.count('"') % 2 == 0


def test_the_program_is_started_by_its_path_with_its_arguments() -> None:
    program, argv = confine_by_profile("/opt/claude", ("claude", "-p", "say hi"))

    assert program == "/usr/bin/sandbox-exec"
    assert argv == ("/usr/bin/sandbox-exec", "-p", PROFILE, "/opt/claude", "-p", "say hi")


@pytest.mark.slow
def test_a_sandbox_that_confines_nothing_is_not_believed(tmp_path: Path) -> None:
    idle = tmp_path / "sandbox-exec"
    idle.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    idle.chmod(0o755)

    assert does_profile_hold(str(idle)) is False


def test_a_sandbox_that_is_missing_or_fails_is_not_believed() -> None:
    assert does_profile_hold("/nowhere/sandbox-exec") is False
    assert does_profile_hold(sys.executable) is False
