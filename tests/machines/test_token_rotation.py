"""Replacing a machine's token: at every moment, whatever was lost, one token works."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from machines.health.standing import revoke_machine
from machines.models import Machine
from machines.queries import find_machine_of
from machines.token_rotation import rotate_token
from portal.accounts.models import ApiToken, User
from portal.audit.models import AuditEntry
from portal.common import clock
from tests.machines.conftest import REPORT, Agent, join

pytestmark = pytest.mark.django_db
ALIVE = {"state": None}


def rotated(agent: Agent) -> Agent:
    """The same machine with the new token that it asked for."""
    answer = agent.post("token", {})
    assert answer.status_code == 201
    return Agent(agent.client, answer.json()["token"])


def test_new_token_takes_over_with_its_first_use(agent: Agent, mac: Machine) -> None:
    new = rotated(agent)
    mac.refresh_from_db()
    before = mac.token_id

    assert new.post("heartbeats", ALIVE).status_code == 200

    mac.refresh_from_db()
    assert mac.token_id != before
    assert mac.token is not None
    assert mac.token.expires_at > clock.now() + timedelta(days=80)
    assert "machine.token_rotated" in AuditEntry.objects.values_list("action", flat=True)


def test_old_token_holds_for_some_minutes_after_the_new_one_was_used(agent: Agent, mac: Machine) -> None:
    new = rotated(agent)
    new.post("heartbeats", ALIVE)

    assert agent.post("reports", REPORT).json()["machine"] == mac.public_id
    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=False):
        assert agent.post("heartbeats", ALIVE).json()["code"] == "token.expired"
        assert new.post("heartbeats", ALIVE).status_code == 200


def test_lost_answer_locks_nobody_out(agent: Agent, mac: Machine) -> None:
    lost = rotated(agent)

    assert agent.post("heartbeats", ALIVE).status_code == 200
    new = rotated(agent)

    assert lost.post("heartbeats", ALIVE).json()["code"] == "token.revoked"
    assert new.post("heartbeats", ALIVE).status_code == 200


def test_new_token_that_was_never_used_lapses_and_the_old_one_goes_on(agent: Agent) -> None:
    new = rotated(agent)

    with time_machine.travel(clock.now() + timedelta(days=8), tick=False):
        assert new.post("heartbeats", ALIVE).json()["code"] == "token.expired"
        assert agent.post("heartbeats", ALIVE).status_code == 200


def test_decisions_and_receipts_may_come_with_the_new_token_first(agent: Agent, mac: Machine) -> None:
    new = rotated(agent)

    assert find_machine_of(ApiToken.objects.get(replaces=mac.token)) == mac
    assert new.get("bundle").status_code == 200


def test_revoking_a_machine_ends_every_token_of_it(agent: Agent, mac: Machine, aiko: User) -> None:
    middle = rotated(agent)
    middle.post("heartbeats", ALIVE)
    last = rotated(middle)
    mac.refresh_from_db()

    revoke_machine(machine=mac, by=aiko)

    codes = {one.post("heartbeats", ALIVE).json()["code"] for one in (agent, middle, last)}
    assert codes == {"token.revoked"}


def test_token_before_the_one_before_speaks_for_no_machine_and_asks_for_no_other(agent: Agent, mac: Machine) -> None:
    other, _token = join("other")
    middle = rotated(agent)
    middle.post("heartbeats", ALIVE)
    rotated(middle).post("heartbeats", ALIVE)

    answers = [agent.get(path) for path in ("bundle", f"decide?task=commit-message&machine={other.public_id}")]

    assert [answer.json()["code"] for answer in answers] == ["token.no_machine"] * 2


def test_token_that_was_handed_out_while_its_machine_was_revoked_opens_nothing(
    agent: Agent, mac: Machine, aiko: User
) -> None:
    before = Machine.objects.select_related("token").get(pk=mac.pk)
    revoke_machine(machine=mac, by=aiko)

    late = Agent(agent.client, rotate_token(machine=before).text)
    answers = [late.get(path) for path in ("bundle", "decide?task=commit-message")]

    assert [answer.json()["code"] for answer in answers] == ["token.no_machine"] * 2


def test_report_asks_for_a_new_token_once_the_one_in_use_is_a_week_old(agent: Agent) -> None:
    with time_machine.travel(clock.now() + timedelta(days=8), tick=False):
        assert agent.post("reports", REPORT).json()["rotate_token"] is True

        new = rotated(agent)
        assert new.post("reports", REPORT).json()["rotate_token"] is False


def test_service_token_rotates_nothing(client: Client, agent: Agent, mac: Machine) -> None:
    assert Agent(client).post("token", {}).status_code == 401
    assert ApiToken.objects.filter(replaces__isnull=False).count() == 0
