"""Messages of machines that come again, late, in another order or from two machines at once, on PostgreSQL."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from machines.health import buffer
from machines.health.evaluating import evaluate_due
from machines.health.models import Health, StateChange
from machines.models import Machine
from portal.incidents.models import Incident
from tests.machines.conftest import REPORT, Agent, agent, join, mac

__all__ = ["agent", "mac"]

pytestmark = [pytest.mark.slow, pytest.mark.where("postgresql"), pytest.mark.django_db]
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
FIRST, SECOND = f"{1:032x}", f"{2:032x}"


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    buffer.forget_all()
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller
    buffer.forget_all()


def report(sequence: int, *, boot: str = FIRST, chip: str = "Apple M4 Pro") -> dict[str, Any]:
    document = deepcopy(REPORT)
    document["hardware"]["chip"] = chip
    return {**document, "boot_id": boot, "sequence": sequence}


def heartbeat(sequence: int, *, boot: str = FIRST) -> dict[str, Any]:
    return {"state": None, "boot_id": boot, "sequence": sequence, "announce": None}


def settle(now: datetime) -> None:
    buffer.flush()
    evaluate_due(now=now)


@pytest.mark.fault(
    16,
    "a report comes three times",
    "every answer is good, and there is one effect",
)
def test_a_report_that_comes_three_times_has_one_effect(agent: Agent, mac: Machine) -> None:
    statuses = [agent.post("reports", report(1)).status_code for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert Health.objects.get(machine=mac).messages == 1
    assert mac.runtimes.count() == 2


@pytest.mark.fault(
    17,
    "messages come out of order, ten minutes late, or of an earlier start",
    "the newest stays what is known; for every order the same",
)
def test_no_order_of_messages_lets_an_older_one_win(agent: Agent, mac: Machine, clock: time_machine.Traveller) -> None:
    agent.post("reports", report(2, chip="Apple M4 Max"))
    clock.shift(600)
    agent.post("reports", report(1, chip="Apple M1"))

    mac.refresh_from_db()
    assert mac.chip == "Apple M4 Max"

    @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
    @given(st.permutations(range(1, 6)))
    def any_order_ends_alike(order: list[int]) -> None:
        machine, token = join(f"mac-{Machine.objects.count()}")
        sender = Agent(agent.client, token)
        for sequence in order:
            sender.post("reports", report(sequence, chip=f"Apple M{sequence}"))
        machine.refresh_from_db()
        assert machine.chip == "Apple M5"

    any_order_ends_alike()


@pytest.mark.fault(
    18,
    "two machines speak with one token",
    "the machine is quarantined, and one incident tells of it, however long they go on",
)
def test_two_machines_with_one_token_are_quarantined_once(
    agent: Agent, mac: Machine, clock: time_machine.Traveller
) -> None:
    agent.post("reports", report(1))
    for number in range(2, 12):
        clock.shift(20)
        for boot in (FIRST, SECOND):
            agent.post("heartbeats", heartbeat(number, boot=boot))
        settle(NOW + timedelta(seconds=20 * number))

    mac.refresh_from_db()
    assert mac.state == "quarantined"
    assert StateChange.objects.filter(machine=mac, after="quarantined").count() == 1
    incident = Incident.objects.get()
    assert (incident.kind, incident.parts.count()) == ("quarantined", 1)
