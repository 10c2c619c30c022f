"""Claude Code's own sandbox, for machines on which the client as a whole cannot be confined.

It encloses the commands that the model has the client run, by bubblewrap and socat on Linux and by the system's sandbox
on macOS. The names were tried with version 2.1.197.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from kirikae.clients.programs import find_program
from kirikae.confining.seatbelt import SANDBOX_EXEC

# What the client asks of bubblewrap, in short.
TRIAL = ("--unshare-net", "--unshare-pid", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--", "true")
TRIAL_S = 5.0
_CLOSED_PORT = 9
SANDBOX = {
    "enabled": True,
    # Without it a session in which the sandbox cannot start would go on with none.
    "failIfUnavailable": True,
    # Neither the model nor a list of commands takes one out of it, and a person is asked as without.
    "allowUnsandboxedCommands": False,
    "autoAllowBashIfSandboxed": False,
    # With proxies of its own the client would ask the person whether a host shall be reached.
    "network": {"allowedDomains": [], "httpProxyPort": _CLOSED_PORT, "socksProxyPort": _CLOSED_PORT},
    # What is wanted of it is the network; builds write their caches.
    "filesystem": {"allowWrite": ["/"]},
}


def confine_commands(argv: Sequence[str]) -> tuple[str, ...]:
    """The same command with it switched on: settings of the command line beat all but managed ones."""
    return argv[0], f"--settings={json.dumps({'sandbox': SANDBOX}, separators=(',', ':'))}", *argv[1:]


def is_available(platform: str) -> bool:
    """Whether it would start here: with less the client refuses to work at all."""
    if platform == "darwin":
        return find_program(SANDBOX_EXEC) is not None
    bubblewrap = find_program("bwrap")
    if bubblewrap is None or find_program("socat") is None:
        return False
    try:
        done = subprocess.run([bubblewrap, *TRIAL], capture_output=True, timeout=TRIAL_S, check=False)  # noqa: S603 - found on PATH
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
