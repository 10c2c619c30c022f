"""The wrapper's side: hands the command to the resident agent, prints what it says or runs the client it names.

None of this may keep a developer from working: whatever is odd about the socket, the wrapper decides alone.
"""

import _socket  # a third of the cost of `socket`, which adds enumerations and selectors
import os
import stat
import sys
from collections.abc import Sequence
from time import monotonic

from kirikae import __version__
from kirikae.home_path import SOCKET_NAME, find_home_path
from kirikae.resident.frames import receive_exactly, receive_frame, send_frame
from kirikae.resident.messages import BECOME, EXIT, HELLO, Request, read_become, request_fields

# A fork takes some milliseconds; whoever takes longer hangs or is not ours.
HELLO_S = 0.25
# What alone would be waited for as well: git, ssh, the portal and the runtimes have limits of their own below this.
ANSWER_S = 5.0


def call_resident(arguments: Sequence[str], *, given: bytes = b"") -> int | None:
    """The exit code, of the client where one was run; None when there is no resident agent that answers."""
    try:
        reply = _exchange(f"{find_home_path(os.environ)}/{SOCKET_NAME}", arguments, given)
    except (OSError, ValueError):
        return None
    if reply[:1] == [EXIT] and len(reply) == 4 and reply[1].isdigit():
        _print(reply[2], reply[3])
        return int(reply[1])
    if reply[:1] == [BECOME]:
        program, argv, environment = read_become(reply)
        _print(reply[2], reply[3])
        from kirikae.launching.supervising import supervise  # noqa: PLC0415 - `ask` runs nothing

        note, server = map(os.fsdecode, reply[4:6])
        return supervise(program, argv, environment, note=note, server=server)
    return None


def _exchange(path: str, arguments: Sequence[str], given: bytes) -> list[bytes]:
    about = os.lstat(path)
    if not stat.S_ISSOCK(about.st_mode) or about.st_uid != os.getuid():
        raise PermissionError(path)
    start = monotonic()
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(HELLO_S)
        connection.connect(path)
        request = Request(__version__, os.getcwd(), given, arguments, os.environ)  # noqa: PTH109 - pathlib is slow
        send_frame(connection, request_fields(request))
        if receive_exactly(connection, 1, deadline=start + HELLO_S) != HELLO:
            raise ConnectionError(path)
        return receive_frame(connection, deadline=start + ANSWER_S)
    finally:
        # A client that is started later must not hold it open.
        connection.close()


def _print(output: bytes, errors: bytes) -> None:
    for stream, text in ((sys.stdout, output), (sys.stderr, errors)):
        if text:
            stream.buffer.write(text)
            stream.flush()
