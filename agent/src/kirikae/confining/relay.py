"""Carries requests for answers of one model from a client's own network to the model's server, and nothing else.

A model's server does more than answer: Ollama fetches a model from any address that it is asked for, passes some models
on to a cloud and searches the web for others; llama-server loads an image from any address. So the relay reads what it
carries. One request a connection, written anew from its parts: what two programs could read differently never reaches
the second.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress

from kirikae.engine.named_tuple import NamedTuple

CONNECT_S = 10.0
# Far more than a client opens at a time; each takes two handles and two threads of the launcher.
MAX_CONNECTIONS = 64
MAX_HEAD, MAX_BODY = 64 * 1024, 64 * 1024 * 1024
_PIECE = 65_536
# What answers, of the APIs that clients speak, and what tells of the server; nothing that fetches, copies or deletes.
ANSWERING = frozenset(
    [
        "/v1/messages",
        "/v1/messages/count_tokens",
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/responses",
        "/api/chat",
        "/api/embed",
        "/api/generate",
    ]
)
TELLING = frozenset(["/", "/api/ps", "/api/tags", "/api/version", "/health", "/props", "/v1/models"])
_REQUEST = re.compile(rb"(GET|HEAD|POST) (/[A-Za-z0-9/_.-]*)(\?[!-~]*)? HTTP/1\.1\Z")
_HEADER = re.compile(rb"([A-Za-z0-9-]+):[ \t]*([ -~\t]*)\Z")
# They say how the message is cut and carried, which is this relay's business.
_OF_THE_CONNECTION = frozenset(
    [b"connection", b"content-length", b"expect", b"host", b"keep-alive", b"te", b"trailer", b"upgrade"]
)
# By these a request tells the server where to load an image from, or which server to ask for tools.
_ADDRESSES = frozenset(["audio_url", "file_url", "image_url", "server_url", "video_url"])
# Types of a source that is elsewhere, and of tools that the server runs itself (`web_search_20250305`).
_ELSEWHERE = re.compile(r"url\Z|web_(fetch|search)", re.IGNORECASE)
_REFUSED = (
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
)


class Server(NamedTuple):
    """`model`: the only one that may be asked."""

    host: str
    port: int
    model: str


class _RefusedError(Exception):
    """Not a request for an answer of the model, or one for which its server would turn to somebody else."""


class _Address:
    """Stands for an object that holds one."""


def serve_relay(listener: socket.socket, *, server: Server) -> threading.Thread:
    """In threads that end with this process; the client has lost its server then, and has no other.

    The one that accepts also ends when the listener is shut down. Who closes it waits for that end first.
    """
    thread = threading.Thread(target=_accept, args=(listener, server), daemon=True)
    thread.start()
    return thread


def _accept(listener: socket.socket, server: Server) -> None:
    free = threading.Semaphore(MAX_CONNECTIONS)

    def carry(inside: socket.socket) -> None:
        with inside, suppress(OSError):
            _carry(inside, server)
        free.release()

    # Until the listener is shut down.
    with suppress(OSError):
        while free.acquire():
            inside, _ = listener.accept()
            threading.Thread(target=carry, args=(inside,), daemon=True).start()


def _carry(inside: socket.socket, server: Server) -> None:
    try:
        request = _read_request(inside, server)
    except _RefusedError:
        body = b'{"type": "error", "error": {"type": "permission_error", "message": "refused by kirikae"}}'
        inside.sendall(_REFUSED % (len(body), body))
        return
    if not request:
        return
    with socket.create_connection((server.host, server.port), timeout=CONNECT_S) as outside:
        outside.settimeout(None)
        outside.sendall(request)
        threading.Thread(target=_end_with, args=(inside, outside), daemon=True).start()
        with suppress(OSError):
            inside.sendall(_read_answer(outside))
            while piece := outside.recv(_PIECE):
                inside.sendall(piece)
        # Wakes the thread that waits for the client to go.
        with suppress(OSError):
            inside.shutdown(socket.SHUT_RDWR)


def _end_with(inside: socket.socket, outside: socket.socket) -> None:
    """A client that gives up an answer spares the server the rest of it; what it sends besides goes nowhere."""
    with suppress(OSError):
        while inside.recv(_PIECE):
            pass
    with suppress(OSError):
        outside.shutdown(socket.SHUT_RDWR)


def _read_request(inside: socket.socket, server: Server) -> bytes:
    """As it is sent on; empty when the client says nothing. Raises _RefusedError and OSError."""
    head, rest = _read_head(inside)
    if not head:
        return b""
    first, *lines = head.split(b"\r\n")
    request = _REQUEST.match(first)
    if request is None:
        raise _RefusedError
    method, path, query = request.groups(default=b"")
    headers = _read_headers(lines)
    body = _read_body(inside, rest, headers)
    _check(method.decode(), path.decode(), body, model=server.model)
    kept = [b"%s: %s" % pair for pair in headers.items() if pair[0] not in _OF_THE_CONNECTION]
    host = f"{f'[{server.host}]' if ':' in server.host else server.host}:{server.port}".encode()
    own = [b"Host: " + host, b"Connection: close", b"Content-Length: %d" % len(body)]
    return b"\r\n".join([b"%s %s%s HTTP/1.1" % (method, path, query), *own, *kept, b"", b""]) + body


def _read_answer(outside: socket.socket) -> bytes:
    """Its beginning, in which the client learns that the connection takes no second request."""
    head, rest = _read_head(outside)
    first, *lines = head.split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].lower() not in {b"connection", b"keep-alive"}]
    return b"\r\n".join([first, b"Connection: close", *kept, b"", b""]) + rest if head else b""


def _read_head(source: socket.socket) -> tuple[bytes, bytes]:
    """And what came after it; nothing of one that is broken off or has no end."""
    content = b""
    while b"\r\n\r\n" not in content:
        piece = source.recv(_PIECE)
        if not piece or len(content) > MAX_HEAD:
            return b"", b""
        content += piece
    head, _, rest = content.partition(b"\r\n\r\n")
    return head, rest


def _read_headers(lines: list[bytes]) -> dict[bytes, bytes]:
    """By lower-case name, each once."""
    headers: dict[bytes, bytes] = {}
    for line in lines:
        header = _HEADER.match(line)
        if header is None or header[1].lower() in headers:
            raise _RefusedError
        headers[header[1].lower()] = header[2]
    return headers


def _read_body(inside: socket.socket, rest: bytes, headers: Mapping[bytes, bytes]) -> bytes:
    length = headers.get(b"content-length", b"0")
    if b"transfer-encoding" in headers or not length.isdigit() or len(length) > 9 or int(length) > MAX_BODY:
        raise _RefusedError
    content = bytearray(rest)
    while len(content) < int(length):
        piece = inside.recv(_PIECE)
        if not piece:
            raise _RefusedError
        content += piece
    return bytes(content[: int(length)])


def _check(method: str, path: str, body: bytes, *, model: str) -> None:
    """Raises _RefusedError."""
    if method != "POST":
        if path not in TELLING or body:
            raise _RefusedError
        return
    if path not in ANSWERING or _asked_model(body) != model:
        raise _RefusedError


def _asked_model(body: bytes) -> object:
    """None too where programs could differ about it: in a name written twice, or by one that ignores its case.

    Raises _RefusedError for what would have the server reach out.
    """
    pairs: list[tuple[str, object]] = []

    def keep(found: list[tuple[str, object]]) -> object:
        nonlocal pairs
        # The outermost object is the last to be read.
        pairs = found
        return _read_object(found)

    try:
        # As text: of bytes it would guess the encoding.
        json.loads(body.decode(), object_pairs_hook=keep)
    except (ValueError, RecursionError):
        return None
    named = [(key, value) for key, value in pairs if key.casefold() == "model"]
    return named[0][1] if len(named) == 1 and named[0][0] == "model" else None


def _read_object(pairs: list[tuple[str, object]]) -> object:
    """What is left of it for the object around it. Raises _RefusedError."""
    has_address = False
    for name, value in pairs:
        key = name.casefold()
        is_elsewhere = key == "type" and isinstance(value, str) and bool(_ELSEWHERE.match(value))
        if is_elsewhere or (key in _ADDRESSES and _leads_out(value)):
            raise _RefusedError
        has_address = has_address or (key == "url" and _leads_out(value))
    return _Address() if has_address else None


def _leads_out(value: object) -> bool:
    """An image may also stand in the request itself."""
    return isinstance(value, _Address) or (isinstance(value, str) and not value.startswith("data:"))
