"""A proxy in front of a server that makes it slow, silent or away; threads and sockets only."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

CHUNK = 65536


class Mode(Enum):
    PASS = "pass"
    SLOW = "slow"
    SILENT = "silent"  # takes what comes and answers nothing, as behind a cut cable
    CUT = "cut"  # the request arrives, the answer does not
    AWAY = "away"


@dataclass
class Proxy:
    port: int
    connect: Callable[[], socket.socket]
    delay_s: float = 2.0
    mode: Mode = Mode.PASS
    is_over: threading.Event = field(default_factory=threading.Event)
    pairs: list[tuple[socket.socket, socket.socket]] = field(default_factory=list)

    def turn(self, mode: Mode) -> None:
        """Connections that are there are cut when the server goes away or comes back."""
        self.mode = mode
        if mode in (Mode.AWAY, Mode.PASS):
            for pair in self.pairs:
                for end in pair:
                    close(end)
            self.pairs.clear()


@contextmanager
def running_proxy(connect: Callable[[], socket.socket]) -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = Proxy(server.getsockname()[1], connect)
        threading.Thread(target=_serve, args=(server, proxy), daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.is_over.set()
            proxy.turn(Mode.AWAY)
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", proxy.port), timeout=1):
                pass


def _serve(server: socket.socket, proxy: Proxy) -> None:
    while not proxy.is_over.is_set():
        try:
            client, _address = server.accept()
        except OSError:
            return
        if proxy.mode is Mode.AWAY or proxy.is_over.is_set():
            close(client)
            continue
        try:
            upstream = proxy.connect()
        except OSError:
            close(client)
            continue
        proxy.pairs.append((client, upstream))
        for ends, is_answer in (((client, upstream), False), ((upstream, client), True)):
            threading.Thread(target=_pump, args=(*ends, proxy, is_answer), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket, proxy: Proxy, is_answer: bool) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            if proxy.mode is Mode.SLOW and proxy.is_over.wait(proxy.delay_s):
                break
            if proxy.mode is Mode.CUT and is_answer:
                break
            if proxy.mode is not Mode.SILENT:
                target.sendall(data)
    close(source)
    close(target)


def close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
