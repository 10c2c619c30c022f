"""A stand-in server on loopback: routes with recorded answers, or a hand-written misbehaviour."""

import json
import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

RUNTIME_SAMPLES = Path(__file__).parent / "samples" / "runtimes"
type Behaviour = Callable[[bytes, Callable[[bytes], None]], None]


def sample(name: str) -> bytes:
    return (RUNTIME_SAMPLES / name).read_bytes()


def answer(body: bytes, *, status: str = "200 OK", headers: Mapping[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def routes(table: Mapping[str, bytes], *, otherwise: bytes = answer(b"not found", status="404 Not Found")) -> Behaviour:
    """Whole answers by path."""

    def behave(request: bytes, send: Callable[[bytes], None]) -> None:
        send(table.get(request.split(b" ")[1].decode(), otherwise))

    return behave


MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "tiny-byte", "stop_reason": "end_turn"}
TEXT_BLOCK = {"type": "text", "text": "ready"}
TOOL_BLOCK = {"type": "tool_use", "id": "toolu_1", "name": "report", "input": {"word": "ready"}}


def llama_cpp(*, context_tokens: int = 65_536, asked: list[bytes] | None = None) -> Behaviour:
    """A llama-server with the recorded model at this context. Messages to the model are added to `asked`."""
    listing, props = json.loads(sample("llamacpp/v1_models.json")), json.loads(sample("llamacpp/props.json"))
    listing["data"][0]["meta"]["n_ctx"] = props["default_generation_settings"]["n_ctx"] = context_tokens
    headers = {"Server": "llama.cpp"}
    others = routes(
        {
            "/v1/models": answer(json.dumps(listing).encode(), headers=headers),
            "/props": answer(json.dumps(props).encode(), headers=headers),
            "/v1/messages/count_tokens": answer(b'{"input_tokens":4}', headers=headers),
        }
    )

    def behave(request: bytes, send: Callable[[bytes], None]) -> None:
        if not request.startswith(b"POST /v1/messages "):
            return others(request, send)
        if asked is not None:
            asked.append(request)
        block = TOOL_BLOCK if b'"tools"' in request else TEXT_BLOCK
        return send(answer(json.dumps(MESSAGE | {"content": [block]}).encode(), headers=headers))

    return behave


def garbage(request: bytes, send: Callable[[bytes], None]) -> None:
    send(b"\x00\xff SSH-2.0-nothing of ours\r\n")


def hang(request: bytes, send: Callable[[bytes], None]) -> None:
    time.sleep(1.0)


def drip(request: bytes, send: Callable[[bytes], None]) -> None:
    """A valid answer, a byte every 20 ms: each read succeeds, the whole would take seconds."""
    for byte in answer(json.dumps({"data": []}).encode() + b" " * 200):
        send(bytes([byte]))
        time.sleep(0.02)


def promise_a_gigabyte(request: bytes, send: Callable[[bytes], None]) -> None:
    send(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n{")


def pour_without_length(request: bytes, send: Callable[[bytes], None]) -> None:
    send(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(64):
        send(b" " * 65536)


def redirect(request: bytes, send: Callable[[bytes], None]) -> None:
    send(answer(b"", status="302 Found", headers={"Location": "https://ollama.com/"}))


def deep_nesting(request: bytes, send: Callable[[bytes], None]) -> None:
    send(answer(b"[" * 100_000))


def _read_request(connection: socket.socket) -> bytes:
    """Head and body; to answer and close before the body has come would reset the connection."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length.group(1)) and (chunk := connection.recv(65536)):
        body += chunk
    return head + b"\r\n\r\n" + body


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


@contextmanager
def standin(behave: Behaviour) -> Iterator[str]:
    """The base URL of a server that behaves so on every connection."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                behave(_read_request(self.request), self.request.sendall)
            except OSError:
                return  # the client has given up, as it should

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
