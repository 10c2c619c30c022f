"""Where the token is kept: in the login keychain of a Mac, otherwise in a file that only this user may read."""

from __future__ import annotations

import re
from pathlib import Path

SECURITY = "/usr/bin/security"
SERVICE = "Kirikae"
# A keychain that is locked asks for a password in a window; nobody may be there to answer.
TIMEOUT_S = 5.0
# What goes into a line of `security -i`; anything else could be another command.
_SAFE = re.compile(r"[A-Za-z0-9_.-]+")


def keep_in_keychain(account: str, token: str) -> bool:
    """True when a read gives it back. Written through stdin: arguments are visible to every user of the machine."""
    if not _SAFE.fullmatch(account) or not _SAFE.fullmatch(token):
        return False
    _security("-i", typed=f"add-generic-password -U -s {SERVICE} -a {account} -w {token}\n")
    return find_in_keychain(account) == token


def find_in_keychain(account: str) -> str | None:
    return _security("find-generic-password", "-s", SERVICE, "-a", account, "-w") or None


def forget_in_keychain(account: str) -> None:
    _security("delete-generic-password", "-s", SERVICE, "-a", account)


def _security(*arguments: str, typed: str | None = None) -> str:
    """What it printed; empty where there is no keychain, or it refuses."""
    if not Path(SECURITY).exists():
        return ""
    import subprocess  # noqa: PLC0415 - 3 ms that launches do without

    try:
        done = subprocess.run(  # noqa: S603 - fixed program, no shell
            [SECURITY, *arguments], input=typed, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
