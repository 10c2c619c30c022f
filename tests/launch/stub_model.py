"""A model on loopback that looks like llama-server, keeps every request and calls the tools it was told to call."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "stub-coder"
CONTEXT_TOKENS = 65_536
LISTING = {
    "object": "list",
    "data": [
        {
            "id": MODEL,
            "object": "model",
            "meta": {"n_ctx": CONTEXT_TOKENS, "n_ctx_train": CONTEXT_TOKENS, "size": 10**9},
        }
    ],
}
PROPS = {
    "build_info": "b1-stub",
    "default_generation_settings": {"n_ctx": CONTEXT_TOKENS},
    "chat_template_caps": {"supports_tools": True},
}


@dataclass
class StubModel:
    """`calls`: (tool, input), one a turn; those of a tool that is not offered are answered with text."""

    port: int
    calls: Sequence[tuple[str, Mapping[str, object]]] = ()
    requests: list[dict[str, Any]] = field(default_factory=list)
    _made: int = 0

    def serve(self) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def next_block(self, body: Mapping[str, Any]) -> dict[str, Any]:
        offered = {tool.get("name") for tool in body.get("tools") or ()}
        if "report" in offered:
            return {"type": "tool_use", "id": "toolu_check", "name": "report", "input": {"word": "ready"}}
        # Requests beside the conversation (a title, a summary) offer no tools.
        if offered and self._made < len(self.calls):
            tool, given = self.calls[self._made]
            self._made += 1
            if tool in offered:
                return {"type": "tool_use", "id": f"toolu_{self._made}", "name": tool, "input": dict(given)}
        return {"type": "text", "text": "pong"}


def _handler(model: StubModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "llama.cpp", ""

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            """Nothing on stderr: it is the client's."""

        def do_HEAD(self) -> None:
            self._answer(200, b"")

        def do_GET(self) -> None:
            found = {"/v1/models": LISTING, "/props": PROPS}.get(self.path)
            self._answer(404 if found is None else 200, json.dumps(found).encode())

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            if "count_tokens" in self.path:
                return self._answer(200, b'{"input_tokens": 4}')
            if not self.path.startswith("/v1/messages"):
                return self._answer(404, b"{}")
            body = json.loads(content)
            headers = {name.lower(): value for name, value in self.headers.items()}
            model.requests.append({"headers": headers, "body": body})
            block = model.next_block(body)
            if body.get("stream"):
                return self._answer(200, _stream(body, block), kind="text/event-stream")
            return self._answer(200, json.dumps(_message(body) | {"content": [block]}).encode())

        def _answer(self, status: int, content: bytes, *, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler


def _message(body: Mapping[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 100, "output_tokens": 1}
    head: dict[str, Any] = {
        "id": "msg_stub",
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": [],
    }
    return {**head, "stop_reason": None, "stop_sequence": None, "usage": usage}


def _stream(body: Mapping[str, Any], block: Mapping[str, Any]) -> bytes:
    is_text = block["type"] == "text"
    start = {**block, "text": ""} if is_text else {**block, "input": {}}
    delta = (
        {"type": "text_delta", "text": block["text"]}
        if is_text
        else {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    )
    stop = {"stop_reason": "end_turn" if is_text else "tool_use", "stop_sequence": None}
    events: list[tuple[str, dict[str, Any]]] = [
        ("message_start", {"message": _message(body)}),
        ("content_block_start", {"index": 0, "content_block": start}),
        ("content_block_delta", {"index": 0, "delta": delta}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": stop, "usage": {"output_tokens": 4}}),
        ("message_stop", {}),
    ]
    lines = (f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n" for name, data in events)
    return "".join(lines).encode()
