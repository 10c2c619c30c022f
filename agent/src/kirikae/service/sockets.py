"""Where the service listens: the socket of the resident agent, and an address for the portal if asked for."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket

from kirikae.errors import PreflightError, UsageError
from kirikae.home import Home
from kirikae.home_path import SOCKET_NAME
from kirikae.resident.peers import peer_user

BACKLOG = 64


def open_resident_socket(home: Home) -> socket.socket:
    """Raises PreflightError. Whoever calls holds the service's lock, so a socket from before has nobody behind it."""
    path = home.path / SOCKET_NAME
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        # Systems allow some hundred bytes for the path of a socket.
        raise PreflightError("service.no_socket", path=path) from error
    finally:
        os.umask(before)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def accept(listener: socket.socket, *, is_local: bool) -> socket.socket | None:
    """None for nobody, and on the local socket for another user than ours."""
    try:
        connection, _ = listener.accept()
    except OSError:
        return None
    connection.setblocking(True)
    if is_local and not _is_own(connection):
        connection.close()
        return None
    return connection


def _is_own(connection: socket.socket) -> bool:
    with contextlib.suppress(OSError):
        return peer_user(connection) == os.getuid()
    return False


def open_health_socket(address: str) -> socket.socket:
    """`IP:PORT`. Raises UsageError for what is none, PreflightError when it cannot be listened on."""
    host, port = parse_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PreflightError("service.no_address", address=address) from error
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def parse_address(address: str) -> tuple[str, int]:
    """One address of this machine that the portal can reach; `0.0.0.0` names none."""
    host, _, port = address.rpartition(":")
    try:
        ip = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        number = int(port) if port.isascii() and port.isdigit() else 0
    except ValueError as error:
        raise UsageError("service.bad_address", address=address) from error
    if ip.is_unspecified or ip.is_multicast or not 0 < number < 65536 or "%" in host:
        raise UsageError("service.bad_address", address=address)
    return str(ip), number


def poll_url(address: str) -> str:
    host, port = parse_address(address)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
