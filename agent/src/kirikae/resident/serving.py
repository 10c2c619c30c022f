"""What the fork of the resident agent does for one wrapper: the whole command, with its output kept for the reply."""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import NoReturn

from kirikae import __version__, cli
from kirikae.launching.becoming import hand_over_by
from kirikae.resident.frames import receive_frame, send_frame
from kirikae.resident.messages import ALONE, HELLO, Request, become_fields, exit_fields, read_request

REQUEST_S = 1.0
# Above what the wrapper waits: a command that hangs ends with the process.
LIFETIME_S = 10


class _HandOver(BaseException):
    """Ends the command where the wrapper runs the client."""

    def __init__(
        self, program: str, arguments: Sequence[str], environment: Mapping[str, str], note: str, server: str
    ) -> None:
        super().__init__(program)
        self.program, self.arguments, self.environment = program, arguments, environment
        self.note, self.server = note, server


class _Declined(BaseException):
    """Ends a command that would take longer than the wrapper waits."""


def serve(connection: socket.socket) -> None:
    """Raises OSError when the wrapper has gone."""
    signal.alarm(LIFETIME_S)
    connection.sendall(HELLO)
    fields = receive_frame(connection, deadline=monotonic() + REQUEST_S)
    send_frame(connection, _answer(fields))


def _answer(fields: Sequence[bytes]) -> list[bytes]:
    try:
        request = read_request(fields)
        if request.version != __version__:
            return [ALONE]
        os.chdir(request.folder)
    except (ValueError, IndexError, OSError):
        return [ALONE]
    os.environ.clear()
    os.environ.update(request.environment)
    return _run(request)


def _run(request: Request) -> list[bytes]:
    output, errors = io.StringIO(), io.StringIO()
    sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO(request.given)), output, errors

    def hand_over(
        program: str, argv: Sequence[str], environment: Mapping[str, str], note: str, server: str
    ) -> NoReturn:
        raise _HandOver(program, argv, environment, note, server)

    def decline() -> NoReturn:
        raise _Declined

    hand_over_by(hand_over, decline=decline)
    try:
        code = cli.main(request.arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except _Declined:
        return [ALONE]
    except _HandOver as end:
        texts = (output.getvalue(), errors.getvalue(), end.note, end.server)
        return become_fields(end.program, end.arguments, end.environment, texts=texts)
    return exit_fields(code, output.getvalue(), errors.getvalue())
