"""Reaching out to what is slow or gone, and agents that cannot reach the portal."""

import random
import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_network

import pytest
from kirikae.service.schedule import LONGEST_BACKOFF_S, Schedule
from pytest_django.fixtures import Settings

from machines.health.polling.addresses import PollGuard
from machines.health.polling.probes import DEADLINE_S, Target, look_at_all
from portal.accounts.models import User
from portal.common import network_guard
from portal.common.network_guard import Guard
from portal.notices import delivery as outbox
from portal.notices.destinations import Wanted, add_destination
from portal.notices.models import Channel, Delivery
from portal.notices.services import notify
from tests.receiver import running_receiver

pytestmark = [pytest.mark.slow, pytest.mark.where("postgresql"), pytest.mark.django_db]
LOOPBACK = (ip_network("127.0.0.1"),)
HERE = PollGuard(networks=Guard(allowed=LOOPBACK, is_loopback_permitted=True), is_here=lambda _address: False)


@pytest.mark.fault(
    20,
    "the portal answers 500 to 1,000 agents for half an hour",
    "their tries thin out by a random, doubling pause, and never come together; the portal may ask for longer ones",
)
def test_agents_that_are_refused_thin_out(measured: Callable[[str], None]) -> None:
    chance = random.Random(20)
    schedules = [Schedule.starting(0.0) for _ in range(1_000)]
    tries: list[float] = []
    for schedule in schedules:
        current = schedule
        while current.next_at < 1800:
            tries.append(current.next_at)
            current = current.after_failure(current.next_at, retry_after_s=None, chance=chance.random)
    per_second = [sum(second <= at < second + 1 for at in tries) for second in range(300, 1800, 60)]

    asked = schedules[0].after_failure(0.0, retry_after_s=600, chance=chance.random)
    answered = schedules[0].after_answer(0.0, {"heartbeat_s": 600}, is_report=False, chance=chance.random)
    measured(f"after five minutes at most {max(per_second)} tries a second of 1,000 agents; pauses up to 15 min")
    assert max(per_second) < 20
    assert asked.heartbeat_at >= 600
    assert 570 <= answered.heartbeat_at <= 630
    assert LONGEST_BACKOFF_S == 900


@pytest.mark.fault(
    22,
    "every tenth machine that is polled drips a byte now and then",
    "the look ends at its deadline; the others are not delayed",
)
def test_machines_that_drip_do_not_delay_the_others(measured: Callable[[str], None]) -> None:
    def drip(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n" * 20:
            connection.sendall(bytes([byte]))
            if slow.is_over.wait(0.5):
                return

    with running_receiver() as good, running_receiver() as slow:
        slow.answer = drip
        targets = [
            Target(number, "agent", "127.0.0.1", (slow if number % 10 == 0 else good).port) for number in range(100)
        ]
        begun = time.monotonic()
        looks = look_at_all(targets, guard=HERE)
        took_s = time.monotonic() - begun

    dripping = {look.target for look in looks if look.failure == "timeout"}
    measured(f"100 machines in {took_s:.1f} s, deadline {DEADLINE_S} s")
    assert dripping == set(range(0, 100, 10))
    assert max(look.latency_ms for look in looks if look.target % 10) < 1000 * DEADLINE_S
    assert took_s < 3 * DEADLINE_S


@pytest.mark.fault(
    23,
    "the resolver does not answer",
    "what needs a name is tried again later; what needs none is sent at once; no more than eight threads wait",
)
def test_a_dead_resolver_holds_up_nothing_else(
    aiko: User, settings: Settings, monkeypatch: pytest.MonkeyPatch, measured: Callable[[str], None]
) -> None:
    settings.WEBHOOK_NETWORKS = LOOPBACK
    settings.MAIL_FROM = ""
    monkeypatch.setattr(network_guard, "RESOLVED_WITHIN_S", 0.3)
    is_back = threading.Event()
    resolve = socket.getaddrinfo

    def ask(host: str, *arguments: object, **options: object) -> object:
        return resolve(host, *arguments, **options) if host[0].isdigit() else is_back.wait(10)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    data = {"machines": ["mini"], "since": "2026-11-25T09:00:00+00:00", "incident": "i_1"}
    with running_receiver() as receiver:
        for url in [*(f"https://hook-{number}.example.org/x" for number in range(15)), receiver.url]:
            wanted = Wanted(Channel.WEBHOOK, name=url[:80], url=url, kinds=["machine.offline"], language="en")
            add_destination(wanted=wanted, by=aiko)
        notify(kind="machine.offline", key="k", subject="m_1", data=data)
        threads, begun = threading.active_count(), time.monotonic()

        outbox.deliver_due()

        took_s = time.monotonic() - begun
        waiting = threading.active_count() - threads
        is_back.set()
    measured(f"15 dead names and a good address in {took_s:.1f} s, {waiting} threads wait")
    assert len(receiver.received) == 1
    assert Delivery.objects.filter(reason="webhook.name_not_found", state="waiting").count() == 15
    assert waiting <= 8
    assert took_s < 10
