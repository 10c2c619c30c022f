"""The proxies of the containers, real ones with their files, before an upstream that notes what it gets.

Whoever sends what is no whole request must not keep a thread of the portal, nor count as a failure of an upstream: two
failures in 20 s would close both upstreams to all agents.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.agent.running_service import wait_for
from tests.agent.standin import answer, standin
from tests.running import free_ports
from tests.servers.caddy import Upstreams, running_caddy, running_entrance
from tests.topology import listens

pytestmark = pytest.mark.slow

HEARTBEATS, DECISIONS = "/api/v1/heartbeats", "/api/v1/decisions"
PROXIES = {"proxy": running_caddy, "entrance": running_entrance}
ANSWERED = "200 OK"
# They wait 15 s for a body.
PATIENCE_S = 30


@dataclass
class Upstream:
    """`got` is the paths that came."""

    got: list[str]

    def __call__(self, request: bytes, send: Callable[[bytes], None]) -> None:
        self.got.append(request.split(b" ")[1].decode())
        send(answer(b"{}"))


@dataclass(frozen=True)
class Proxy:
    port: int
    upstream: Upstream

    def open(self, head: str, body: bytes = b"") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        lines = [head, f"Host: 127.0.0.1:{self.port}", "Connection: close", "", ""]
        # A proxy that has heard enough answers and hangs up.
        with suppress(ConnectionError):
            connection.sendall("\r\n".join(lines).replace("|", "\r\n").encode() + body)
        return connection

    def ask(self, head: str, body: bytes = b"") -> str:
        """The status."""
        with self.open(head, body) as connection:
            return status_of(connection)

    def post(self, path: str) -> str:
        return self.ask(f"POST {path} HTTP/1.1|Content-Length: 2", b"{}")


def status_of(connection: socket.socket) -> str:
    """Empty where it hung up."""
    with suppress(ConnectionError), connection.makefile("rb") as said:
        return said.readline().decode().partition(" ")[2].strip()
    return ""


@pytest.fixture(params=sorted(PROXIES))
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proxy]:
    with ExitStack() as stack:
        upstream = Upstream([])
        behind = urlsplit(stack.enter_context(standin(upstream))).port
        port, check_port = free_ports(2)
        assert behind is not None
        upstreams = Upstreams(web=behind, intake=behind, check_port=check_port)
        stack.enter_context(PROXIES[request.param](port, upstreams, log=tmp_path / "caddy.log"))
        wait_for(lambda: listens(port))
        yield Proxy(port, upstream)


@pytest.mark.parametrize(
    ("head", "body"), [("Content-Length: 2500000", b" " * 2_500_000), ("Transfer-Encoding: chunked", b"zz\r\n")]
)
def test_requests_that_are_none_close_the_way_to_nobody(proxy: Proxy, head: str, body: bytes) -> None:
    for _ in range(3):
        assert proxy.ask(f"POST {HEARTBEATS} HTTP/1.1|{head}", body) != ANSWERED

    assert proxy.post(HEARTBEATS) == ANSWERED


def test_bodies_that_never_end_close_the_way_to_nobody(proxy: Proxy) -> None:
    with ExitStack() as stack:
        opened = [proxy.open(f"POST {HEARTBEATS} HTTP/1.1|Content-Length: 600", b"{") for _ in range(3)]
        slow = [stack.enter_context(connection) for connection in opened]
        assert ANSWERED not in {status_of(connection) for connection in slow}

    assert proxy.post(HEARTBEATS) == ANSWERED


@pytest.mark.parametrize("path", [HEARTBEATS, DECISIONS])
def test_a_slow_body_waits_in_the_proxy(proxy: Proxy, path: str) -> None:
    with proxy.open(f"POST {path} HTTP/1.1|Content-Length: 600", b"{"):
        proxy.post(HEARTBEATS)

        assert proxy.upstream.got == [HEARTBEATS]


def test_text_of_any_language_is_passed_on_whole(proxy: Proxy) -> None:
    name = "愛子のMac".encode() + b"\xff\xfe\x00"

    assert proxy.ask(f"POST {HEARTBEATS} HTTP/1.1|Content-Length: {len(name)}", name) == ANSWERED


def test_a_large_report_is_passed_on(proxy: Proxy) -> None:
    body = b" " * 1024 * 1024

    assert proxy.ask(f"POST /api/v1/reports HTTP/1.1|Content-Length: {len(body)}", body) == ANSWERED
