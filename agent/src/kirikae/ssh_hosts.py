"""Where an ssh remote really goes: `Host` entries of the ssh configuration can give any name to any server."""

from __future__ import annotations

import re
import subprocess
from functools import cache

# Reads configuration only; a `Match exec` of the user's own may take a moment.
SSH_TIMEOUT_S = 1.0
DEFAULT_PORT = "22"
# Compiled when first used: most projects are reached by https.
_URL = r"(?:git\+ssh|ssh\+git|ssh)://(?:(?P<user>[^@/]+)@)?(?P<host>[^:/\[\]]+)(?::(?P<port>\d*))?/(?P<path>.*)"
_SCP = r"(?:(?P<user>[^@/:]+)@)?(?P<host>[^:/@\[\]]+):(?!//)(?P<path>.*)"
_SAFE_HOST = r"[A-Za-z0-9_][A-Za-z0-9._-]*"


def resolve_ssh_remote(url: str) -> str:
    """The same address with the host and port that ssh would connect to; unchanged when it is no ssh address.

    Also unchanged when ssh cannot be asked: a name without a dot then gives no identity, which is the strict side.
    """
    match = re.fullmatch(_URL, url) or re.fullmatch(_SCP, url)
    if match is None:
        return url
    found = match.groupdict()
    host, port = _ask_ssh(found["host"])
    if host.lower() == found["host"].lower() and port == DEFAULT_PORT:
        return url
    user = f"{found['user']}@" if found["user"] else ""
    shown_port = found.get("port") or port
    suffix = "" if shown_port == DEFAULT_PORT else f":{shown_port}"
    return f"ssh://{user}{host}{suffix}/{found['path'].lstrip('/')}"


@cache
def _ask_ssh(host: str) -> tuple[str, str]:
    """(host name, port) of ssh's own reading of its configuration, included files and all."""
    unchanged = (host, DEFAULT_PORT)
    if not re.fullmatch(_SAFE_HOST, host):
        return unchanged
    try:
        done = subprocess.run(  # noqa: S603 - the host is checked, no shell
            ["ssh", "-G", "--", host],  # noqa: S607 - the developer's own ssh, which git would call
            capture_output=True,
            text=True,
            timeout=SSH_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return unchanged
    settings = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    return settings.get("hostname", host), settings.get("port", DEFAULT_PORT)
