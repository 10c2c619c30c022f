"""Where the poller may connect: inside the admin's networks, and never to the portal itself."""

import contextlib
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from portal.common.network_guard import Address, AddressRefusedError, Guard, NameNotFoundError, as_meant, find_addresses

# The portal's own services by name; a handful.
_last_found: dict[str, list[Address]] = {}


def is_of_this_host(address: Address) -> bool:
    """Only an own address can be bound. No packet is sent."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class PollGuard:
    """`own`: where the portal, its database and its queue are when they are elsewhere."""

    networks: Guard
    own: frozenset[Address] = frozenset()
    is_here: Callable[[Address], bool] = is_of_this_host

    def choose(self, addresses: Iterable[Address]) -> Address:
        """The one to connect to. Raises AddressRefusedError when any of them is refused."""
        found = [as_meant(address) for address in addresses]
        chosen = self.networks.choose(found)
        if any(self._is_own(address) for address in found):
            raise AddressRefusedError
        return chosen

    def _is_own(self, address: Address) -> bool:
        # A zone names an interface of this host.
        return bool(getattr(address, "scope_id", None)) or address in self.own or self.is_here(address)


def make_guard() -> PollGuard:
    """The portal's own services lie in the same networks as the machines; they are no machines."""
    database = settings.DATABASES["default"].get("HOST") or ""
    hosts = [database, *(urlsplit(url).hostname or "" for url in (settings.BASE_URL, settings.REDIS_URL))]
    return PollGuard(networks=Guard(allowed=settings.POLL_NETWORKS), own=frozenset(_addresses_of(hosts)))


def _addresses_of(hosts: Iterable[str]) -> list[Address]:
    """Network: the resolver. While it is away, those that it named last: targets may be written as addresses."""
    found: list[Address] = []
    for host in filter(None, hosts):
        with contextlib.suppress(NameNotFoundError):
            _last_found[host] = find_addresses(host, 0)
        found += _last_found.get(host, ())
    return found
