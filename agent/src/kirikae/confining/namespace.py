"""Linux: starts a program in a network of its own, where nothing answers but the model's server.

The child makes the network, a socket in it that listens where the server would, and hands that out to the launcher,
which serves it from the machine's own network: no process stands between launcher and client, so signals, stopping and
the terminal work as without. Few imports: the wrapper pays for them before the client starts.
"""

import _socket
import errno
import fcntl
import os
import sys
from collections.abc import Mapping, Sequence

from kirikae.confining.system_calls import forbid_other_sockets
from kirikae.errors import PreflightError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from typing import NoReturn
else:
    import _signal as signal

# Reserved for documentation. A datagram socket that is connected sends nothing yet.
_ELSEWHERE = ((_socket.AF_INET, "192.0.2.1"), (_socket.AF_INET6, "2001:db8::1"))
_UNREACHABLE = frozenset([errno.ENETUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
_GET_FLAGS, _SET_FLAGS, _IS_UP = 0x8913, 0x8914, 0x1
_BACKLOG = 128
_LISTENS, _FAILED, _NOT_STARTED = b"l", b"f", b"n"


class Start:
    """A client to start: what `execve` takes, and the signals that it gets back as they were."""

    def __init__(
        self,
        program: str | bytes,
        arguments: list[bytes],
        environment: Mapping[bytes, bytes],
        *,
        signals: "tuple[Sequence[int], set[int | signal.Signals]]",
    ) -> None:
        self.program, self.arguments, self.environment = program, arguments, environment
        self.reset_signals, self.mask = signals


def start_enclosed(start: Start, *, port: int) -> "tuple[int, socket.socket]":
    """The client's process, and the socket on which it will look for the server.

    Raises PreflightError when no such network can be made, OSError when the program cannot be started in it.
    """
    ours, theirs = _socket.socketpair()
    child = os.fork()
    if child == 0:
        _become(start, port, theirs)
    theirs.close()
    try:
        listener = _receive_listener(ours)
        _await_start(ours)
    except (OSError, PreflightError):
        os.waitpid(child, 0)
        raise
    finally:
        ours.close()
    return child, listener


def can_enclose() -> bool:
    """Whether this machine lets this user make such a network: tried, and gone with the process that tried."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _enter_network()
            _listen(0)
            forbid_other_sockets()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return status == 0


def _become(start: Start, port: int, told: "_socket.socket") -> "NoReturn":
    failure = _FAILED
    try:
        # Ignored stays ignored; what the launcher handles would end its copy here in another way.
        for number in start.reset_signals:
            signal.signal(number, signal.SIG_DFL)
        _enter_network()
        listener = _listen(port)
        forbid_other_sockets()
        rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, listener.fileno().to_bytes(4, sys.byteorder))
        told.sendmsg([_LISTENS], [rights])
        failure = _NOT_STARTED
        signal.pthread_sigmask(signal.SIG_SETMASK, start.mask)
        os.execve(start.program, start.arguments, start.environment)  # noqa: S606 - the client
    except OSError as error:
        told.send(failure + str(error.errno or 0).encode())
    finally:
        # Whatever happens, the copy of the launcher goes no further.
        os._exit(126)


def _enter_network() -> None:
    """A network with nothing but a loopback of its own, and a user without rights over any other. Raises OSError."""
    user, group = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")
    with_flags = b"lo".ljust(16, b"\0") + bytes(24)
    control = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    flags = int.from_bytes(fcntl.ioctl(control, _GET_FLAGS, with_flags)[16:18], sys.byteorder)
    up = (flags | _IS_UP).to_bytes(2, sys.byteorder)
    fcntl.ioctl(control, _SET_FLAGS, b"lo".ljust(16, b"\0") + up + bytes(22))
    control.close()
    for family, address in _ELSEWHERE:
        _check_unreachable(family, address)


def _check_unreachable(family: int, address: str) -> None:
    """Said by the system, for each launch: what it cannot reach, it cannot send to. Raises OSError."""
    try:
        _socket.socket(family, _socket.SOCK_DGRAM).connect((address, 9))
    except OSError as error:
        if error.errno in _UNREACHABLE:
            return
        raise
    raise OSError(errno.EISCONN, os.strerror(errno.EISCONN))


def _listen(port: int) -> "_socket.socket":
    """On every address of that loopback: the server's may be 127.0.0.1, ::1 or a name for both."""
    try:
        listener = _socket.socket(_socket.AF_INET6, _socket.SOCK_STREAM)
        listener.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0)
        listener.bind(("::", port))
    except OSError as error:
        if error.errno not in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
            raise
        listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        listener.bind(("0.0.0.0", port))  # noqa: S104 - of a network that holds nothing else
    listener.listen(_BACKLOG)
    return listener


def _receive_listener(ours: "_socket.socket") -> "socket.socket":
    said, extra, _flags, _address = ours.recvmsg(16, _socket.CMSG_SPACE(4))
    if said[:1] == _LISTENS and extra:
        from socket import socket as open_socket  # noqa: PLC0415 - the client starts meanwhile

        return open_socket(fileno=int.from_bytes(extra[0][2][:4], sys.byteorder))
    raise PreflightError("run.confinement_failed", step=os.strerror(int(said[1:] or errno.EINTR)))


def _await_start(ours: "_socket.socket") -> None:
    """Its end of the pair closes when the program takes the child's place."""
    said = ours.recv(16)
    if said:
        number = int(said[1:])
        raise OSError(number, os.strerror(number))


def _write(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)
