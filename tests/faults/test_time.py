"""Clocks that are wrong: of agents, and of the portal itself."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from machines.health import buffer
from machines.health.evaluating import evaluate_due
from machines.health.listening import sign
from machines.health.models import Health, StateChange
from machines.models import Machine
from machines.queries import find_facts
from portal.accounts.models import User
from portal.incidents.telling import tell
from portal.notices.models import Notice
from tests.machines.conftest import REPORT, Agent, agent, mac

__all__ = ["agent", "mac"]

pytestmark = [pytest.mark.slow, pytest.mark.where("postgresql"), pytest.mark.django_db]
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)

type SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    buffer.forget_all()
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller
    buffer.forget_all()


@pytest.mark.fault(
    14,
    "an agent's clock is an hour or a year off, either way",
    "its state and the age of its facts follow the portal's clock; its reports count; its page says so from 2 min on",
)
def test_a_wrong_clock_of_an_agent_changes_neither_state_nor_ages(
    agent: Agent, mac: Machine, ben: User, client_of: SignIn, clock: time_machine.Traveller
) -> None:
    hour, year = timedelta(hours=1), timedelta(days=365)
    for number, off in enumerate((hour, -hour, year, -year, timedelta(seconds=100), timedelta()), start=1):
        document = {**deepcopy(REPORT), "runtimes": []}
        clock.shift(30)
        now = NOW + timedelta(seconds=30 * number)
        document["collected_at"] = (now + off).strftime("%Y-%m-%dT%H:%M:%SZ")
        document["hardware"]["chip"] = f"Apple M{number}"

        assert agent.post("reports", {**document, "boot_id": f"{1:032x}", "sequence": number}).status_code == 200
        sign(now=now)
        evaluate_due(now=now)

        mac.refresh_from_db()
        assert mac.state == "online"
        # The numbers of one start tell the order, whatever its clock says.
        assert (mac.chip, find_facts(mac).age_s) == (f"Apple M{number}", 0)
        assert Health.objects.get(machine=mac).seen_at == now
        page = client_of(ben).get(f"/machines/{mac.public_id}/").content.decode()
        assert ("Its clock is wrong." in page) == (abs(off) > timedelta(minutes=2))


@pytest.mark.fault(
    15,
    "the portal's clock jumps back by an hour",
    "nobody is called offline and nobody is told; time stands still instead of running backwards",
)
def test_a_portal_whose_clock_jumps_back_alarms_nobody(
    agent: Agent, mac: Machine, clock: time_machine.Traveller
) -> None:
    agent.post("reports", {**REPORT, "boot_id": f"{1:032x}", "sequence": 1})
    sign(now=NOW)
    evaluate_due(now=NOW)
    tell(now=NOW)
    before = StateChange.objects.count()

    for minute in range(-60, 1):
        now = NOW + timedelta(minutes=minute)
        clock.move_to(now)
        agent.post("heartbeats", {"state": None, "boot_id": f"{1:032x}", "sequence": 62 + minute, "announce": None})
        buffer.flush()
        sign(now=now)
        evaluate_due(now=now)
        tell(now=now)

    mac.refresh_from_db()
    assert mac.state == "online"
    assert StateChange.objects.count() == before
    assert Health.objects.get(machine=mac).seen_at == NOW
    assert (find_facts(mac).age_s or 0) >= 0
    assert not Notice.objects.exists()
