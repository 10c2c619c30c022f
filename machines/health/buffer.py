"""Heartbeats that wait in Valkey for the next flush: a sorted set by the time of receipt, bounded in size.

What is in it is on its way to the database, nothing else: without Valkey heartbeats are written at once, and what is
lost with it comes again with the next heartbeat.
"""

import itertools
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection

from machines.health.receiving import Message, receive_many
from routing.engine.reading.messages import Origin

# While no worker flushes, the newest stay: enough for several heartbeats of each of 10,000 machines.
KEPT = 100_000
TRIM_EVERY = 100
FLUSH_ROWS = 2_000
FLUSHES = 50
# A request waits no longer than this, and while Valkey is away only one in five seconds waits at all.
TIMEOUT_S = 0.25
RETRY_AFTER_S = 5.0

log = logging.getLogger(__name__)


@dataclass
class Breaker:
    closed_until: float = 0.0

    def is_open(self) -> bool:
        return time.monotonic() >= self.closed_until

    def trip(self) -> None:
        self.closed_until = time.monotonic() + RETRY_AFTER_S


breaker = Breaker()
_kept = itertools.count(1)


@cache
def _client(url: str) -> Any:
    import redis  # noqa: PLC0415 - only a team's installation has it

    return redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)


def key() -> str:
    """By the database that the heartbeats are for: two portals may share a Valkey."""
    return f"kirikae:heartbeats:{connection.settings_dict['NAME']}"


def keep(machine: int, message: Message) -> bool:
    """False: write it yourself, for there is no Valkey or it does not answer."""
    return keep_all([(machine, message)])


def keep_all(messages: Sequence[tuple[int, Message]]) -> bool:
    """All or, by the answer, none: when in doubt write them yourself, for none counts twice. One round trip."""
    if not settings.REDIS_URL or not breaker.is_open():
        return False
    client = _client(settings.REDIS_URL)
    try:
        client.zadd(key(), {_member(machine, message): message.at.timestamp() for machine, message in messages})
        # Trimming now and then bounds the set as well, and halves what a heartbeat costs here.
        if next(_kept) % TRIM_EVERY == 0:
            client.zremrangebyrank(key(), 0, -KEPT - 1)
    except _errors() as error:
        breaker.trip()
        log.warning("heartbeats.not_buffered", extra={"error": type(error).__name__})
        return False
    return True


def count_waiting() -> int | None:
    """None without Valkey, or while it does not answer."""
    if not settings.REDIS_URL:
        return None
    try:
        return int(_client(settings.REDIS_URL).zcard(key()))
    except _errors():
        return None


def count_lists(names: Sequence[str]) -> int | None:
    """How many entries these lists have together: the queues of tasks are lists in the same Valkey."""
    pipe = _client(settings.REDIS_URL).pipeline(transaction=False)
    for name in names:
        pipe.llen(name)
    try:
        return int(sum(pipe.execute()))
    except _errors():
        return None


def flush() -> bool:
    """All that waits into the database, oldest first. False when more waits than one run takes.

    A batch leaves Valkey only after it was committed: a worker that dies between the two writes it again, and the
    numbers of the messages make that harmless.
    """
    if not settings.REDIS_URL:
        return True
    client = _client(settings.REDIS_URL)
    for _ in range(FLUSHES):
        try:
            members = client.zrange(key(), 0, FLUSH_ROWS - 1)
            if not members:
                return True
            receive_many(_read(members))
            client.zrem(key(), *members)
        except _errors() as error:
            log.warning("heartbeats.not_flushed", extra={"error": type(error).__name__})
            return True
        if len(members) < FLUSH_ROWS:
            return True
    return False


def forget_all() -> None:
    """For tests: nothing of an earlier one waits."""
    breaker.closed_until = 0.0
    if settings.REDIS_URL:
        _client(settings.REDIS_URL).delete(key())


def _errors() -> tuple[type[Exception], ...]:
    """Everything that a client raises whose server is slow: one that ran out of time while connecting reads on in a
    buffer that is closed already, which is a ValueError.
    """
    import redis  # noqa: PLC0415 - as above

    return (redis.exceptions.RedisError, OSError, ValueError)


def _member(machine: int, message: Message) -> str:
    origin = message.origin
    numbers = [origin.boot_id, origin.sequence] if origin else None
    values = [machine, message.at.timestamp(), numbers, message.interval_s, message.situation]
    return json.dumps(values, separators=(",", ":"))


def _read(members: Sequence[bytes]) -> list[tuple[int, Message]]:
    read = []
    for member in members:
        machine, at, numbers, interval_s, situation = json.loads(member)
        message = Message(
            at=datetime.fromtimestamp(at, tz=UTC),
            origin=Origin(*numbers) if numbers else None,
            interval_s=interval_s,
            situation=situation,
        )
        read.append((machine, message))
    return read
