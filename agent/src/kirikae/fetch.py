"""One HTTP exchange with a total deadline and a cap on the body, from sockets.

The hot path cannot afford an HTTP library, and none in the standard library has a deadline over the whole exchange:
a server that sends a byte a second would hold it for ever. No proxies, no redirects, no cookies.
"""

from __future__ import annotations

import _socket  # `socket` adds enumerations and selectors, which take an answer 2 ms
import json
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from time import monotonic
from urllib.parse import urlsplit

from kirikae.engine.named_tuple import NamedTuple

MAX_BODY_BYTES = 1024 * 1024
MAX_HEAD_BYTES = 32 * 1024
CHUNK_BYTES = 64 * 1024

type Heard = Callable[[bytes], None]


class FetchError(Exception):
    """`reason` is one of garbage, timeout, too_large, http_error, refused, redirected."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Response(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """Raises FetchError(garbage), also for nesting that would exhaust the stack."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise FetchError("garbage") from error

    def found(self) -> object:
        """The JSON of a 200; None for anything else, as servers answer routes that they do not have in many ways."""
        try:
            return self.json() if self.status == 200 else None
        except FetchError:
            return None


def fetch(
    url: str,
    *,
    deadline: float,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    max_bytes: int = MAX_BODY_BYTES,
    heard: Heard | None = None,
) -> Response:
    """GET, or POST with a body; `deadline` is a `time.monotonic()` moment. Raises FetchError.

    `heard` is called with each piece of the body as it arrives, still in its framing.
    """
    try:
        with closing(_connect(url, deadline=deadline)) as connection:
            connection.sendall(_request(url, body=body, headers=headers or {}))
            response = _read_response(connection, deadline=deadline, max_bytes=max_bytes, heard=heard)
    except TimeoutError as error:
        raise FetchError("timeout") from error
    except ConnectionRefusedError as error:
        raise FetchError("refused") from error
    except OSError as error:
        # A connection that breaks off in the middle of an answer.
        raise FetchError("garbage") from error
    if 300 <= response.status < 400 and response.status != 304:
        raise FetchError("redirected")
    return response


def _connect(url: str, *, deadline: float) -> _socket.socket:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    # A text would go through the codec of international names, whose import takes 2 ms.
    connection = _open(host.encode("ascii") if host.isascii() else host, port, deadline=deadline)
    return _encrypted(connection, host, deadline=deadline) if parts.scheme == "https" else connection


def _open(host: str | bytes, port: int, *, deadline: float) -> _socket.socket:
    """The first of the host's addresses that can be reached. Raises OSError."""
    problem = OSError(host)
    for family, kind, protocol, _, address in _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM):
        connection = _socket.socket(family, kind, protocol)
        try:
            connection.settimeout(_remaining(deadline))
            connection.connect(address)
        except OSError as error:
            connection.close()
            problem = error
        else:
            return connection
    raise problem


def _encrypted(connection: _socket.socket, host: str, *, deadline: float) -> _socket.socket:
    # They cost the hot path 10 ms, and runtimes on loopback never need them.
    import socket  # noqa: PLC0415
    import ssl  # noqa: PLC0415

    plain = socket.socket(fileno=connection.detach())
    plain.settimeout(_remaining(deadline))
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


def _remaining(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _request(url: str, *, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{'GET' if body is None else 'POST'} {target} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (body or b"")


def _read_response(connection: _socket.socket, *, deadline: float, max_bytes: int, heard: Heard | None) -> Response:
    head, rest = _read_head(connection, deadline=deadline)
    status, headers = _parse_head(head)
    if status in {204, 304}:
        return Response(status, headers, b"")
    length = _content_length(headers, max_bytes=max_bytes)
    parts = _Parts(heard, max_bytes=max_bytes)
    parts.add(rest)
    body = _read_body(connection, parts, length=length, deadline=deadline)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _join_chunks(body)
    return Response(status, headers, body)


def _read_head(connection: _socket.socket, *, deadline: float) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        # Five bytes tell HTTP from anything else; waiting for more would call garbage a timeout.
        if len(data) > MAX_HEAD_BYTES or not data.startswith(b"HTTP/"[: len(data)]):
            raise FetchError("garbage")
        chunk = _receive(connection, deadline=deadline)
        if not chunk:
            raise FetchError("garbage")
        data += chunk
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _receive(connection: _socket.socket, *, deadline: float) -> bytes:
    connection.settimeout(_remaining(deadline))
    return connection.recv(CHUNK_BYTES)


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    status_line, *lines = head.decode("latin-1").split("\r\n")
    match = re.match(r"HTTP/1\.[01] (\d{3})\b", status_line)
    if match is None:
        raise FetchError("garbage")
    pairs = (line.partition(":") for line in lines)
    return int(match.group(1)), {name.strip().lower(): value.strip() for name, _, value in pairs}


def _content_length(headers: Mapping[str, str], *, max_bytes: int) -> int | None:
    text = headers.get("content-length")
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,18}", text):
        raise FetchError("garbage")
    if int(text) > max_bytes:
        raise FetchError("too_large")
    return int(text)


class _Parts:
    def __init__(self, heard: Heard | None, *, max_bytes: int) -> None:
        self._heard = heard
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self.size = 0

    def add(self, part: bytes) -> None:
        self._parts.append(part)
        self.size += len(part)
        if self.size > self._max_bytes:
            raise FetchError("too_large")
        if part and self._heard is not None:
            self._heard(part)

    def join(self) -> bytes:
        return b"".join(self._parts)


def _read_body(connection: _socket.socket, parts: _Parts, *, length: int | None, deadline: float) -> bytes:
    while length is None or parts.size < length:
        chunk = _receive(connection, deadline=deadline)
        if not chunk:
            break
        parts.add(chunk)
    if length is not None and parts.size < length:
        raise FetchError("garbage")
    return parts.join()[:length]


def _join_chunks(body: bytes) -> bytes:
    """By places in the whole: to cut each chunk off would copy the rest a hundred thousand times."""
    parts: list[bytes] = []
    size_line, place = re.compile(rb"([0-9a-fA-F]{1,8})\b[^\r\n]*\r\n"), 0
    while match := size_line.match(body, place):
        size = int(match.group(1), 16)
        if size == 0:
            return b"".join(parts)
        parts.append(body[match.end() : match.end() + size])
        place = match.end() + size + 2
    raise FetchError("garbage")
