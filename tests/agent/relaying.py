"""The relay of a confined launch, in front of a server, for as long as a test needs it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kirikae.confining.relay import Server, serve_relay

type Address = tuple[str, int]


@contextmanager
def relaying(base_url: str, *, model: str) -> Iterator[Address]:
    host, _, port = base_url.removeprefix("http://").rpartition(":")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = serve_relay(listener, server=Server(host, int(port), model))
        try:
            yield listener.getsockname()
        finally:
            # A launcher ends with its client. Here its thread would ask for connections by the number of a file that is
            # another server's by then: that one's own thread waits for good when a connection is taken from it.
            with suppress(OSError):  # a Mac has no such end: there closing wakes the thread
                listener.shutdown(socket.SHUT_RDWR)
                thread.join(10)
