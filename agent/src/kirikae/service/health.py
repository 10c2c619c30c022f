"""What the portal may ask when `--listen` names an address: the state of this machine, read only, for a token.

No names of folders or projects, and of models only which are loaded.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

from kirikae import __version__
from kirikae.collect.hardware import read_state
from kirikae.collect.reading import values_of
from kirikae.collect.report import last_runtimes
from kirikae.collect.runtime_facts import Runtime
from kirikae.collect.runtimes import REPORT_BUDGET_S, find_runtimes
from kirikae.home import Home
from kirikae.moments import now, write_moment

TOKEN = "poll_token"  # noqa: S105 - the name of a file
MAX_REQUEST_BYTES = 4096
REQUEST_S = 2.0


@dataclass(frozen=True)
class Origin:
    boot_id: str
    sequence: int


def poll_token(home: Home) -> str:
    """Made once; tells the portal's question from anybody else's, and gives no access to the portal."""
    kept = (home.read_bytes(TOKEN) or b"").decode("ascii", "replace").strip()
    if kept:
        return kept
    made = f"kpt_{secrets.token_urlsafe(32)}"
    home.write(TOKEN, made.encode())
    return made


def answer_health(connection: socket.socket, home: Home, *, origin: Origin) -> None:
    """Raises OSError when the other side has gone or takes too long."""
    request = _read_request(connection, deadline=monotonic() + REQUEST_S)
    lines = request.split("\r\n")
    if lines[0] not in {"GET /health HTTP/1.1", "GET /health HTTP/1.0"}:
        return _send(connection, "404 Not Found", {"code": "not_found"})
    if not _is_allowed(lines[1:], poll_token(home)):
        return _send(connection, "401 Unauthorized", {"code": "token.unknown"})
    return _send(connection, "200 OK", health_document(home, origin=origin))


def health_document(home: Home, *, origin: Origin) -> dict[str, object]:
    enrolment = home.find_enrolment()
    found = find_runtimes(
        budget_s=REPORT_BUDGET_S, known=last_runtimes(home), skip=enrolment.portal_url if enrolment else None
    )
    return {
        "schema": 1,
        "machine": enrolment.machine if enrolment else None,
        "agent_version": __version__,
        "boot_id": origin.boot_id,
        "sequence": origin.sequence,
        "state": values_of(read_state()),
        "runtimes": [_runtime(runtime) for runtime in found],
        "time": write_moment(now()),
    }


def _runtime(runtime: Runtime) -> dict[str, object]:
    loaded = [model for model in runtime.models if model.loaded]
    contexts = [model.effective_context_tokens for model in loaded if model.effective_context_tokens]
    return {
        "kind": runtime.kind,
        "state": runtime.state,
        "loaded": [model.name for model in loaded],
        "effective_context_tokens": min(contexts) if contexts else None,
    }


def _read_request(connection: socket.socket, *, deadline: float) -> str:
    data = b""
    while b"\r\n\r\n" not in data:
        left = deadline - monotonic()
        if left <= 0 or len(data) > MAX_REQUEST_BYTES:
            raise TimeoutError
        connection.settimeout(left)
        chunk = connection.recv(MAX_REQUEST_BYTES)
        if not chunk:
            raise ConnectionError("closed")
        data += chunk
    return data.partition(b"\r\n\r\n")[0].decode("latin-1")


def _is_allowed(headers: list[str], token: str) -> bool:
    given = [
        value.strip() for name, _, value in (line.partition(":") for line in headers) if name.lower() == "authorization"
    ]
    return len(given) == 1 and hmac.compare_digest(given[0].encode("latin-1"), f"Bearer {token}".encode())


def _send(connection: socket.socket, status: str, document: Mapping[str, object]) -> None:
    body = json.dumps(document).encode()
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close"]
    connection.settimeout(REQUEST_S)
    connection.sendall("\r\n".join([*head, "Cache-Control: no-store", "", ""]).encode() + body)
