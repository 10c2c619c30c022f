"""Who is at the other end of a Unix socket, told by the kernel."""

from __future__ import annotations

import socket
import struct
import sys

# Apple's `struct xucred`: version, user, number of groups, sixteen groups. Python does not name the option.
_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED = 0, 1, struct.Struct("=IIh2x16I")
_UCRED = struct.Struct("=iII")


def peer_user(connection: socket.socket) -> int:
    """Raises OSError."""
    if sys.platform == "darwin":
        return read_xucred(connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size))
    return read_ucred(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))


def read_ucred(credentials: bytes) -> int:
    return int(_UCRED.unpack(credentials)[1])


def read_xucred(credentials: bytes) -> int:
    """Raises OSError for a layout of another version."""
    version, user, *_ = struct.unpack_from("=II", credentials)
    if version != 0:
        raise OSError("unknown version of credentials")
    return int(user)
