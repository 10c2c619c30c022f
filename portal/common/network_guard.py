"""Which addresses the portal connects to when somebody names a host. Pure judgement, and one look-up of a name.

Everybody checks all addresses of a name and then connects to the checked one: a name that answers differently a moment
later leads nowhere else.
"""

import ipaddress
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

RESOLVED_WITHIN_S = 2.0


def make_resolvers(purpose: str) -> ThreadPoolExecutor:
    """The system's resolver cannot be interrupted. A dead one holds these threads for a while, and no further ones."""
    return ThreadPoolExecutor(8, thread_name_prefix=purpose)


_resolvers = make_resolvers("resolver")

# No list permits these: they lead to the host itself, to a cloud's secrets, or around this check.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",  # this host
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "100.100.100.200/32",  # a cloud's metadata within addresses that VPNs use
        "168.63.129.16/32",  # a cloud's metadata at a public address
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "::ffff:0:0:0/96",  # IPv4 in yet other clothes, for translators
        "64:ff9b::/96",  # NAT64: an IPv4 address in other clothes
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo and its like
        "2002::/16",  # 6to4
        "5f00::/16",  # segment routing
        "fd00:ec2::254/128",  # a cloud's metadata
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


# A name of this ending has no address, and RFC 6761 (6.4) lets nobody ask for one: not every system's resolver knows.
_NOWHERE = ".invalid"


class AddressRefusedError(Exception):
    """No connection was made."""


class NameNotFoundError(Exception):
    """The name has no address, or nobody could be asked."""


def as_meant(address: Address) -> Address:
    """An IPv4 address that is written as IPv6 becomes what it is."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return IPv4Address(mapped)
    # ::1.2.3.4, long out of use and still understood by some.
    if isinstance(address, IPv6Address) and 1 < int(address) < 2**32:
        return IPv4Address(int(address))
    return address


@dataclass(frozen=True)
class Guard:
    """What is permitted beside the list: any public address, the portal's own host. Both are off unless said."""

    allowed: tuple[Network, ...]
    is_public_permitted: bool = False
    is_loopback_permitted: bool = False

    def permits(self, address: Address) -> bool:
        meant = as_meant(address)
        if any(meant in network for network in _NEVER) or (meant.is_loopback and not self.is_loopback_permitted):
            return False
        return self.is_listed(meant) or (self.is_public_permitted and meant.is_global)

    def is_listed(self, address: Address) -> bool:
        meant = as_meant(address)
        return any(meant in network for network in self.allowed)

    def choose(self, addresses: Iterable[Address]) -> Address:
        """The one to connect to. One bad address condemns the name: who answers so may be up to something.

        Raises AddressRefusedError.
        """
        found = [as_meant(address) for address in addresses]
        if not found or not all(self.permits(address) for address in found):
            raise AddressRefusedError
        return found[0]


def find_addresses(host: str, port: int, *, resolvers: ThreadPoolExecutor = _resolvers) -> list[Address]:
    """All of a name's addresses; an address has itself, however it is written. Network: the resolver.

    Names that others may choose at will get `resolvers` of their own, for slow ones keep the rest of them waiting.
    Raises NameNotFoundError, also when the resolver is slow.
    """
    if f".{host}".lower().removesuffix(".").endswith(_NOWHERE):
        raise NameNotFoundError
    asked = resolvers.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        answers = asked.result(timeout=RESOLVED_WITHIN_S)
    except (OSError, UnicodeError) as error:
        asked.cancel()
        raise NameNotFoundError from error
    return list(dict.fromkeys(ipaddress.ip_address(str(answer[4][0])) for answer in answers))
