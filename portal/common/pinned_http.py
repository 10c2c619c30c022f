"""One POST to an address that somebody entered: checked, pinned, bounded. No redirects, no proxies, no cookies.

The total time has an end: a read timeout alone does not stop a server that sends a byte a second.
"""

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpcore
import httpx

from portal.common.network_guard import Guard, find_addresses

TOTAL_S = 10.0


@dataclass(frozen=True)
class Post:
    url: str
    headers: Mapping[str, str]
    body: bytes


class PlainHttpRefusedError(Exception):
    """Without TLS only to addresses of the list."""


def send_post(post: Post, *, guard: Guard) -> int:
    """The status. The answer's body is not read.

    Raises AddressRefusedError and NameNotFoundError, both before any connection, PlainHttpRefusedError, and
    httpcore's errors. Network.
    """
    backend = _PinnedBackend(guard, is_tls=urlsplit(post.url).scheme == "https", deadline=time.monotonic() + TOTAL_S)
    with (
        httpcore.ConnectionPool(ssl_context=_tls(), network_backend=backend, max_connections=1) as pool,
        pool.stream(
            "POST",
            post.url,
            headers=[*post.headers.items()],
            content=post.body,
            extensions={"timeout": {"connect": TOTAL_S, "read": TOTAL_S, "write": TOTAL_S, "pool": TOTAL_S}},
        ) as answer,
    ):
        return int(answer.status)


def _tls() -> ssl.SSLContext:
    """Verifies; a company's own authority comes by SSL_CERT_FILE."""
    return httpx.create_ssl_context()


class _PinnedBackend(httpcore.NetworkBackend):
    def __init__(self, guard: Guard, *, is_tls: bool, deadline: float) -> None:
        self._guard, self._is_tls, self._deadline = guard, is_tls, deadline
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        address = self._guard.choose(find_addresses(host, port))
        if not self._is_tls and not self._guard.is_listed(address):
            raise PlainHttpRefusedError
        left_s = _left(self._deadline)
        return _BoundedStream(self._backend.connect_tcp(str(address), port, timeout=left_s), self._deadline)


class _BoundedStream(httpcore.NetworkStream):
    """Every wait ends at the deadline at the latest."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=_left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout=_left(self._deadline))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname=server_hostname, timeout=_left(self._deadline))
        return _BoundedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()


def _left(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise httpcore.TimeoutException
    return left_s
