"""A receiver of webhooks on loopback that answers as a test tells it, and remembers what came."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Received:
    head: str
    body: bytes

    def header(self, name: str) -> str:
        lines = (line.partition(":") for line in self.head.splitlines()[1:])
        return next((value.strip() for found, _colon, value in lines if found.lower() == name.lower()), "")


@dataclass
class Receiver:
    """`answer` writes to the connection, at first a plain 204."""

    port: int
    answer: Callable[[socket.socket], None]
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


def with_status(status: int, *heads: str) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        lines = [f"HTTP/1.1 {status} Status", "Content-Length: 0", *heads, "", ""]
        connection.sendall("\r\n".join(lines).encode())

    return answer


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        receiver = Receiver(server.getsockname()[1], answer=with_status(204))
        thread = threading.Thread(target=_serve, args=(server, receiver), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.is_over.set()
            with socket.create_connection(("127.0.0.1", receiver.port)):
                pass
            thread.join(5)


def _serve(server: socket.socket, receiver: Receiver) -> None:
    while True:
        connection, _address = server.accept()
        if receiver.is_over.is_set():
            connection.close()
            return
        receiver.connections += 1
        threading.Thread(target=_handle, args=(connection, receiver), daemon=True).start()


def _handle(connection: socket.socket, receiver: Receiver) -> None:
    with connection:
        connection.settimeout(10)
        try:
            received = _read(connection)
            if received is not None:
                receiver.received.append(received)
                receiver.answer(connection)
        except OSError:
            return  # the sender has hung up, as some tests want


def _read(connection: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    received = Received(head.decode(), body)
    length = int(received.header("Content-Length") or 0)
    while len(body) < length:
        body += connection.recv(65536)
    return Received(received.head, body)
