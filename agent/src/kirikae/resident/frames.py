"""Messages between wrapper and resident agent: a frame is a list of byte strings, each after its length.

No JSON: arguments and environment need not be text, and its import costs the wrapper three milliseconds.
"""

import _socket  # what a wrapper has; the service's sockets are of it too
from collections.abc import Sequence
from time import monotonic

LENGTH_BYTES = 4
MAX_FRAME_BYTES = 8 * 1024 * 1024


class FrameError(OSError):
    """The other side closed early, or sent something else."""


def send_frame(connection: _socket.socket, fields: Sequence[bytes]) -> None:
    body = b"".join(len(field).to_bytes(LENGTH_BYTES) + field for field in fields)
    connection.sendall(len(body).to_bytes(LENGTH_BYTES) + body)


def receive_frame(connection: _socket.socket, *, deadline: float) -> list[bytes]:
    """`deadline` is a `time.monotonic()` moment over the whole frame. Raises OSError."""
    size = int.from_bytes(receive_exactly(connection, LENGTH_BYTES, deadline=deadline))
    if size > MAX_FRAME_BYTES:
        raise FrameError("too large")
    return _fields(receive_exactly(connection, size, deadline=deadline))


def receive_exactly(connection: _socket.socket, size: int, *, deadline: float) -> bytes:
    data = b""
    while len(data) < size:
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        chunk = connection.recv(min(size - len(data), 1 << 16))
        if not chunk:
            raise FrameError("closed")
        data += chunk
    return data


def _fields(body: bytes) -> list[bytes]:
    fields, place = [], 0
    while place < len(body):
        end = place + LENGTH_BYTES + int.from_bytes(body[place : place + LENGTH_BYTES])
        if end > len(body):
            raise FrameError("cut off")
        fields.append(body[place + LENGTH_BYTES : end])
        place = end
    return fields
