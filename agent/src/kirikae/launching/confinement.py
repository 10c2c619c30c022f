"""How a protected launch is kept from the network below the client, on a machine that can do it.

Where it can not, the launch says so and holds as far as environment and arguments go.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from kirikae.clients.claude_managed import find_sandbox
from kirikae.clients.kinds import ClientKind
from kirikae.confining.means import Reach, find_reach, is_remembered
from kirikae.engine.named_tuple import NamedTuple
from kirikae.home import Home
from kirikae.launching.becoming import need_time
from kirikae.launching.preflight import Preflight, tell_on_stderr
from kirikae.texts import say

DEFAULT_PORT = 80


class Started(NamedTuple):
    """What is run in the end; `server`: host and port of the only server that it reaches, as `become_client` takes."""

    program: str
    argv: tuple[str, ...]
    server: str = ""


def find_confinement(preflight: Preflight, home: Home, kind: ClientKind, *, base_url: str) -> Reach:
    """For protected work. Says what is missing, to the developer and in the receipt."""
    reach, code = _find(home, kind, base_url)
    preflight.notes.append({"check": "confinement", "ok": code is None, "code": code})
    if code is not None:
        tell_on_stderr(say(code))
    return reach


def _find(home: Home, kind: ClientKind, base_url: str) -> tuple[Reach, str | None]:
    """And the code of the sentence that says what is missing."""
    if kind.name == "claude" and find_sandbox() is not None:
        return "none", "run.sandbox_managed"
    if not base_url.startswith("http:"):
        # What is carried to the server is read, and TLS would hide it.
        return "none", "run.not_confined"
    if not is_remembered(home):
        # A try may take a moment, and what holds for the service need not hold in the terminal.
        need_time()
    reach = find_reach(home)
    if reach == "client":
        return reach, None
    if reach == "commands" and kind.name == "claude":
        return reach, "run.commands_confined"
    return "none", "run.not_confined"


def confine(program: str, argv: Sequence[str], *, reach: Reach, base_url: str, platform: str = sys.platform) -> Started:
    if reach == "none":
        return Started(program, tuple(argv))
    if reach == "commands":
        from kirikae.confining.client_sandbox import confine_commands  # noqa: PLC0415 - few launches get here

        return Started(program, confine_commands(argv))
    if platform == "darwin":
        from kirikae.confining.seatbelt import confine_by_profile  # noqa: PLC0415 - of no use elsewhere

        return Started(*confine_by_profile(program, argv))
    return Started(program, tuple(argv), _server(base_url))


def _server(base_url: str) -> str:
    address = urlsplit(base_url)
    return f"{address.hostname}:{address.port or DEFAULT_PORT}"
