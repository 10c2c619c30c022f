"""`kirikae statusline [-- COMMAND …]`: keeps the rate limits of the client's status line, and prints a line for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

from kirikae.arguments import Arguments
from kirikae.collect.quota import find_quota_left, keep_quota
from kirikae.home import Home
from kirikae.texts import say

# What the client gives is some kilobytes; it waits for the line.
MAX_BYTES = 1024 * 1024
TIMEOUT_S = 5.0


def execute(arguments: Arguments, home: Home) -> int:
    """The line of the named command as it is, else one of our own. Nothing odd in the input ends the status line."""
    given = sys.stdin.buffer.read(MAX_BYTES) if sys.stdin else b""
    status = _parse(given)
    keep_quota(home, status)
    if arguments.command:
        return _pass_through(arguments.command, given)
    print(_line(status, home))
    return 0


def _parse(given: bytes) -> Mapping[str, object]:
    try:
        status = json.loads(given)
    except (ValueError, RecursionError):
        return {}
    return status if isinstance(status, dict) else {}


def _line(status: Mapping[str, object], home: Home) -> str:
    model = status.get("model")
    name = model.get("display_name") if isinstance(model, dict) else None
    left = find_quota_left(home)
    parts = [str(name)] if isinstance(name, str) and name.isprintable() else []
    if left is not None:
        parts.append(say("statusline.quota", percent=round(left * 100)))
    return " · ".join(parts) or "kirikae"


def _pass_through(command: list[str], given: bytes) -> int:
    try:
        return subprocess.run(command, input=given, timeout=TIMEOUT_S, check=False).returncode  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        # In its place, because a client shows nothing of what stands on stderr.
        print(say("statusline.failed", command=command[0]))
        return 1
