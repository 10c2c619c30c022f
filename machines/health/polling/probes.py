"""One look at one target: one request, a whole answer within the deadline, or the reason why not."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import httpx

from machines.health.models import PollTarget
from machines.health.polling.addresses import PollGuard
from machines.health.polling.answers import PATHS, View, read_answer
from machines.health.polling.transport import GuardedTransport, Resolve, find_target
from portal.common.network_guard import AddressRefusedError, NameNotFoundError
from routing.engine.errors import WireError
from routing.engine.wire import parse_json

# For the whole look. A read timeout alone does not end an answer that drips one byte a second.
DEADLINE_S = 2.0
CONCURRENCY = 100
ANSWER_LIMIT_BYTES = 64 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """`machine` is who must answer at an agent's address."""

    id: int
    kind: str
    host: str
    port: int
    token: str = ""
    machine: str = ""

    @property
    def url(self) -> httpx.URL:
        return httpx.URL(scheme="http", host=self.host, port=self.port, path=PATHS[self.kind])


@dataclass(frozen=True, slots=True)
class Look:
    """`failure` is empty for a good answer."""

    target: int
    latency_ms: float
    view: View | None = None
    failure: str = ""


class LookError(Exception):
    def __init__(self, failure: str) -> None:
        super().__init__(failure)
        self.failure = failure


def look_at_all(targets: Sequence[Target], *, guard: PollGuard, resolve: Resolve = find_target) -> list[Look]:
    """In one loop, at most CONCURRENCY at a time; it takes as long as its slowest hundredth, never longer by one."""
    return asyncio.run(_look_at_all(targets, guard=guard, resolve=resolve))


async def _look_at_all(targets: Iterable[Target], *, guard: PollGuard, resolve: Resolve) -> list[Look]:
    turns = asyncio.Semaphore(CONCURRENCY)
    transport = GuardedTransport(guard, resolve=resolve)
    async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=DEADLINE_S) as client:
        return await asyncio.gather(*(_look(client, target, turns=turns) for target in targets))


async def _look(client: httpx.AsyncClient, target: Target, *, turns: asyncio.Semaphore) -> Look:
    async with turns:
        started = time.perf_counter()
        view, failure = None, ""
        try:
            async with asyncio.timeout(DEADLINE_S):
                view = _read(target, await _fetch(client, target))
        except LookError as error:
            failure = error.failure
        except AddressRefusedError:
            failure = "address_refused"
        except (TimeoutError, httpx.TimeoutException):
            failure = "timeout"
        except (httpx.HTTPError, httpx.InvalidURL, NameNotFoundError, OSError, UnicodeError):
            failure = "unreachable"
        except Exception:  # a target that fails as nobody thought of must not end the look at the others of its chunk
            log.exception("poll.look_failed", extra={"target": target.id})
            failure = "unreachable"
        return Look(target.id, (time.perf_counter() - started) * 1000, view, failure)


async def _fetch(client: httpx.AsyncClient, target: Target) -> bytes:
    headers = {"Accept-Encoding": "identity", "Connection": "close"}
    if target.token:
        headers["Authorization"] = f"Bearer {target.token}"
    async with client.stream("GET", target.url, headers=headers, follow_redirects=False) as answer:
        if answer.is_redirect:
            raise LookError("redirected")
        if answer.status_code != 200:
            raise LookError("http_error")
        body = bytearray()
        # Raw: an answer that is packed all the same is no JSON, and is not unpacked.
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > ANSWER_LIMIT_BYTES:
                raise LookError("too_large")
        return bytes(body)


def _read(target: Target, body: bytes) -> View:
    try:
        view = read_answer(target.kind, parse_json(body, max_bytes=ANSWER_LIMIT_BYTES))
    except WireError as error:
        raise LookError("garbage") from error
    if target.kind == PollTarget.AGENT and view.machine != target.machine:
        raise LookError("other_machine")
    return view
