"""Carries connections from a client's own network to the model's server, and to nothing else."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

CONNECT_S = 10.0
# Far more than a client opens at a time; each takes two handles and two threads of the launcher.
MAX_CONNECTIONS = 64
_PIECE = 65_536


def serve_relay(listener: socket.socket, *, server: tuple[str, int]) -> None:
    """In threads that end with this process; the client has lost its server then, and has no other."""
    threading.Thread(target=_accept, args=(listener, server), daemon=True).start()


def _accept(listener: socket.socket, server: tuple[str, int]) -> None:
    free = threading.Semaphore(MAX_CONNECTIONS)

    def carry(inside: socket.socket) -> None:
        with inside, suppress(OSError):
            _carry(inside, server)
        free.release()

    while True:
        free.acquire()
        inside, _ = listener.accept()
        threading.Thread(target=carry, args=(inside,), daemon=True).start()


def _carry(inside: socket.socket, server: tuple[str, int]) -> None:
    with socket.create_connection(server, timeout=CONNECT_S) as outside:
        outside.settimeout(None)
        back = threading.Thread(target=_pass_on, args=(outside, inside), daemon=True)
        back.start()
        _pass_on(inside, outside)
        back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    """To the end of what comes; the other direction may still go on."""
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
