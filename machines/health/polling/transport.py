"""The poller's way to the network: resolve once, check every answer, connect to what was checked."""

import asyncio
import ipaddress
import ssl
from collections.abc import Callable

import httpx

from machines.health.polling.addresses import PollGuard
from portal.common.network_guard import Address, find_addresses, make_resolvers

type Resolve = Callable[[str, int], list[Address]]

# Whoever may report chooses names, and who answers for them: slow ones must keep no webhook's from being found.
_resolvers = make_resolvers("poll-resolver")


def find_target(host: str, port: int) -> list[Address]:
    """Raises NameNotFoundError. Network: the resolver."""
    return find_addresses(host, port, resolvers=_resolvers)


class GuardedTransport(httpx.AsyncBaseTransport):
    """The Host header stays as it was; the connection goes to the checked address.

    Raises AddressRefusedError before anything is sent, and NameNotFoundError.
    """

    def __init__(self, guard: PollGuard, *, resolve: Resolve = find_target) -> None:
        self._guard = guard
        self._resolve = resolve
        # trust_env: a proxy of the environment would connect for us, wherever it is told to.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        # Machines are polled over HTTP alone; these settings trust nobody, and loading real ones takes its time.
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._inner = httpx.AsyncHTTPTransport(verify=nobody, trust_env=False, retries=0, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answers = await self._addresses_of(request.url.host, request.url.port or 80)
        request.url = request.url.copy_with(host=str(self._guard.choose(answers)))
        return await self._inner.handle_async_request(request)

    async def _addresses_of(self, host: str, port: int) -> list[Address]:
        try:
            return [ipaddress.ip_address(host)]
        except ValueError:
            # Threads of the resolver are few and bounded; the loop goes on meanwhile.
            return await asyncio.to_thread(self._resolve, host, port)

    async def aclose(self) -> None:
        await self._inner.aclose()
