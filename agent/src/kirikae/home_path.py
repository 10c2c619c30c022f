"""Where the state folder is; apart from `home`, because the wrapper's first milliseconds cannot pay for its imports."""

import os
import sys
from collections.abc import Mapping

SOCKET_NAME = "agent.sock"


def find_home_path(environment: Mapping[str, str]) -> str:
    named = environment.get("KIRIKAE_HOME")
    if named:
        return os.path.abspath(os.path.expanduser(named))  # noqa: PTH100, PTH111 - pathlib costs 5 ms
    user = os.path.expanduser("~")  # noqa: PTH111
    state = environment.get("XDG_STATE_HOME")
    return f"{state}/kirikae" if state and sys.platform != "darwin" else usual_path(user)


def usual_path(user: str) -> str:
    """In this home folder, where no variable says otherwise."""
    return f"{user}/Library/Application Support/Kirikae" if sys.platform == "darwin" else f"{user}/.local/state/kirikae"
