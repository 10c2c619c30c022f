"""What this machine has to keep a launched client from the network, and how far that reaches.

Tried, not guessed: a kernel may know namespaces and forbid them to this user. What held for the whole client is
remembered until the system is another; anything less is tried again at each launch.
"""

from __future__ import annotations

import os
import sys
from typing import Literal

from kirikae.home import Home

REMEMBERED = "confinement.json"

# `client`: the client itself and all that it starts. `commands`: what Claude Code's own sandbox encloses, which is the
# commands that the model has it run. `none`: nothing below the client.
type Reach = Literal["client", "commands", "none"]


def is_remembered(home: Home) -> bool:
    """Whether the whole client was confined under this very system."""
    return home.read_json(REMEMBERED) == {"reach": "client", "system": _system()}


def find_reach(home: Home, platform: str = sys.platform) -> Reach:
    """Tries it where it is not remembered."""
    return "client" if is_remembered(home) else try_reach(home, platform)


def try_reach(home: Home, platform: str = sys.platform) -> Reach:
    """Raises PreflightError when what was found cannot be kept."""
    if _can_confine_client(platform):
        home.write_json(REMEMBERED, {"reach": "client", "system": _system()}, is_flushed=False)
        return "client"
    forget_reach(home)
    from kirikae.confining.client_sandbox import is_available  # noqa: PLC0415 - few launches get here

    return "commands" if is_available(platform) else "none"


def forget_reach(home: Home) -> None:
    """For a launch in which it did not hold."""
    (home.path / REMEMBERED).unlink(missing_ok=True)


def _can_confine_client(platform: str) -> bool:
    # Neither is of use on the other system, and a launch that remembers needs none of them.
    if platform == "darwin":
        from kirikae.confining.seatbelt import does_profile_hold  # noqa: PLC0415

        return does_profile_hold()
    if not platform.startswith("linux"):
        return False
    from kirikae.confining.namespace import can_enclose  # noqa: PLC0415

    return can_enclose()


def _system() -> str:
    about = os.uname()
    return f"{about.sysname} {about.release} {about.version} {about.machine}"
