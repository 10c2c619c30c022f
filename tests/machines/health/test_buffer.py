"""Heartbeats on their way through Valkey: nothing is lost, nothing comes twice, and without it nothing stops."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from machines.health import buffer
from machines.health.models import Health
from machines.health.receiving import Message
from machines.models import Machine
from machines.tasks import watch_machines
from routing.engine.reading.messages import Origin
from tests.machines.conftest import Agent, join

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
AWAY = "redis://127.0.0.1:9/0"


def heartbeat(sequence: int) -> dict[str, Any]:
    return {"state": {"on_battery": True}, "boot_id": "a" * 32, "sequence": sequence}


def keep(machine: Machine, sequence: int) -> None:
    assert buffer.keep(machine.pk, Message(at=NOW, origin=Origin("a" * 32, sequence), interval_s=60))


@pytest.mark.where("postgresql")
def test_heartbeat_waits_in_valkey_until_the_flush(agent: Agent, mac: Machine) -> None:
    agent.post("heartbeats", heartbeat(1))
    before = Health.objects.get().seen_at
    waiting = buffer.count_waiting()

    assert buffer.flush()

    health = Health.objects.get()
    assert (before, waiting, buffer.count_waiting()) == (None, 1, 0)
    assert (health.messages, health.situation, health.interval_s) == (1, {"on_battery": True}, 60)


@pytest.mark.where("postgresql")
def test_worker_that_dies_before_it_clears_valkey_does_no_harm(mac: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(mac, 1)
    client = buffer._client(settings.REDIS_URL)
    with monkeypatch.context() as patch:
        patch.setattr(client, "zrem", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            buffer.flush()
    assert (Health.objects.get().messages, buffer.count_waiting()) == (1, 1)

    buffer.flush()

    assert (Health.objects.get().messages, buffer.count_waiting()) == (1, 0)


@pytest.mark.where("postgresql")
def test_what_waits_is_bounded_and_the_newest_stay(mac: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "KEPT", 3)
    monkeypatch.setattr(buffer, "TRIM_EVERY", 1)
    for sequence in range(1, 6):
        keep(mac, sequence)

    assert buffer.count_waiting() == 3
    buffer.flush()
    assert Health.objects.get().boots[0]["sequence"] == 5


@pytest.mark.where("postgresql")
def test_nothing_is_evaluated_while_more_waits_than_one_run_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = [join(f"mini-{number}")[0] for number in range(3)]
    Health.objects.update(seen_at=datetime(2020, 1, 1, tzinfo=UTC), due_at=datetime(2020, 1, 1, tzinfo=UTC))
    Machine.objects.update(state="online")
    monkeypatch.setattr(buffer, "FLUSH_ROWS", 1)
    monkeypatch.setattr(buffer, "FLUSHES", 2)
    for machine in machines:
        keep(machine, 1)

    assert watch_machines() == 0
    assert set(Machine.objects.values_list("state", flat=True)) == {"online"}


@pytest.mark.where("postgresql")
def test_without_valkey_heartbeats_are_written_at_once(agent: Agent, mac: Machine) -> None:
    with override_settings(REDIS_URL=AWAY):
        answers = [agent.post("heartbeats", heartbeat(number)).status_code for number in (1, 2)]
        is_flushed = buffer.flush()
        depth = buffer.count_waiting()

    assert answers == [200, 200]
    assert (is_flushed, depth, Health.objects.get().messages) == (True, None, 2)


@pytest.mark.where("sqlite")
def test_embedded_portal_writes_each_heartbeat_at_once(agent: Agent, mac: Machine) -> None:
    agent.post("heartbeats", heartbeat(1))

    assert (Health.objects.get().messages, buffer.count_waiting(), buffer.flush()) == (1, None, True)
