"""Inside a network namespace: sees every name that is looked up and every connection that leaves loopback.

All addresses are routed to the namespace itself, so that an attempt to reach one shows as a packet and gets an answer.
"""

import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

# Reserved for documentation: what the name server says of every name.
EVERY_NAME = "192.0.2.1"
_ETHERNET_HEADER = 14
_TCP, _UDP, _SYN, _ACK = 6, 17, 0x02, 0x10


@dataclass
class Wire:
    """`names` looked up and `outside` reached for, in the order of their first appearance."""

    names: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    greeted: list[str] = field(default_factory=list)

    def tap(self) -> None:
        """Call once, as root in a fresh namespace."""
        for command in (
            "ip link set lo up",
            "ip route add local 0.0.0.0/0 dev lo",
            "ip -6 route add local ::/0 dev lo",
        ):
            subprocess.run(command.split(), check=command.startswith("ip -6") is False, capture_output=True)
        for work in (self._answer_names(), self._watch(), self._greet(443), self._greet(80)):
            threading.Thread(target=work, daemon=True).start()

    def _answer_names(self) -> Callable[[], None]:
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 53))

        def work() -> None:
            while True:
                query, sender = server.recvfrom(2048)
                name, end = _question(query)
                _add(self.names, name)
                server.sendto(_name_answer(query, end), sender)

        return work

    def _watch(self) -> Callable[[], None]:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        tap.bind(("lo", 0))

        def work() -> None:
            while True:
                target = _target(tap.recv(65536))
                if target is not None and not target[0].is_loopback:
                    _add(self.outside, f"{target[0]}:{target[1]}")

        return work

    def _greet(self, port: int) -> Callable[[], None]:
        """Takes a connection, notes what it first says (the name in a TLS greeting is readable) and closes it."""
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("0.0.0.0", port))  # noqa: S104 - of a namespace that nobody else is in
        server.listen(64)

        def work() -> None:
            while True:
                connection, _ = server.accept()
                with connection, suppress(OSError):
                    connection.settimeout(2)
                    _add(self.greeted, connection.recv(4096).decode("latin-1", "replace")[:2000])

        return work


def _add(known: list[str], entry: str) -> None:
    if entry not in known:
        known.append(entry)


def _question(query: bytes) -> tuple[str, int]:
    """(name, where the question ends)."""
    place, labels = 12, []
    while query[place]:
        labels.append(query[place + 1 : place + 1 + query[place]].decode("latin-1"))
        place += 1 + query[place]
    return ".".join(labels), place + 5


def _name_answer(query: bytes, end: int) -> bytes:
    """The address for an A question, an empty answer for any other."""
    is_a = struct.unpack(">H", query[end - 4 : end - 2])[0] == 1
    head = query[:2] + b"\x81\x80\x00\x01" + (b"\x00\x01" if is_a else b"\x00\x00") + b"\x00\x00\x00\x00"
    record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04" + socket.inet_aton(EVERY_NAME)
    return head + query[12:end] + (record if is_a else b"")


def _target(frame: bytes) -> tuple[IPv4Address | IPv6Address, int] | None:
    """Where a connection is opened to, or a datagram sent; None for every other packet."""
    packet = frame[_ETHERNET_HEADER:]
    if len(packet) >= 20 and packet[0] >> 4 == 4:
        payload, protocol, address = packet[(packet[0] & 15) * 4 :], packet[9], packet[16:20]
    elif len(packet) >= 40 and packet[0] >> 4 == 6:
        payload, protocol, address = packet[40:], packet[6], packet[24:40]
    else:
        return None
    opens = protocol == _TCP and len(payload) >= 14 and payload[13] & (_SYN | _ACK) == _SYN
    if not opens and (protocol != _UDP or len(payload) < 4):
        return None
    return ip_address(address), struct.unpack(">H", payload[2:4])[0]
