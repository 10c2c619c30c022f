"""Messages that come twice, late, forged, from the future or from two machines: what they change, and what not."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
import time_machine

from machines.health import buffer
from machines.health.evaluating import evaluate_due
from machines.health.models import Health, StateChange
from machines.health.receiving import Message, receive_many, receive_now
from machines.health.standing import quarantine_machine, release_machine, revoke_machine
from machines.models import Machine
from portal.accounts.models import User
from routing.engine.reading.messages import Origin
from tests.machines.conftest import REPORT, Agent, join

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
A, B = "a" * 32, "b" * 32


def heartbeat(boot_id: str, sequence: int, **more: Any) -> dict[str, Any]:
    return {"state": None, "boot_id": boot_id, "sequence": sequence, **more}


def seen_at(machine: Machine) -> datetime | None:
    buffer.flush()
    return Health.objects.get(pk=machine.pk).seen_at


def test_duplicate_is_answered_like_the_first_and_changes_nothing(agent: Agent, mac: Machine) -> None:
    with time_machine.travel(NOW, tick=False):
        agent.post("heartbeats", heartbeat(A, 1))
    with time_machine.travel(NOW + timedelta(minutes=10), tick=False):
        answers = [agent.post("heartbeats", heartbeat(A, 1)) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {200}
    assert seen_at(mac) == NOW


def test_replayed_heartbeat_does_not_keep_a_dead_machine_alive(agent: Agent, mac: Machine) -> None:
    with time_machine.travel(NOW, tick=False):
        agent.post("reports", {**REPORT, "boot_id": A, "sequence": 1})
    later = NOW + timedelta(minutes=10)
    with time_machine.travel(later, tick=False):
        agent.post("reports", {**REPORT, "boot_id": A, "sequence": 1})

    evaluate_due(now=later)

    mac.refresh_from_db()
    assert mac.state == "offline"


def test_reordered_report_does_not_overwrite_a_newer_one(agent: Agent, mac: Machine) -> None:
    agent.post("reports", {**REPORT, "boot_id": A, "sequence": 5, "runtimes": []})

    agent.post("reports", {**REPORT, "boot_id": A, "sequence": 4, "collected_at": "2026-11-25T00:00:09Z"})

    mac.refresh_from_db()
    assert not mac.runtimes.exists()


def test_any_order_of_messages_ends_at_the_newest() -> None:
    for number, order in enumerate(permutations([1, 2, 3])):
        machine, _ = join(f"mini-{number}")
        for sequence in order:
            message = Message(at=NOW, origin=Origin(A, sequence), situation={"n": sequence})
            receive_now(Health.objects.get(pk=machine.pk), message)

        assert Health.objects.get(pk=machine.pk).situation == {"n": 3}


def test_machine_that_says_it_sleeps_is_asleep_at_once_and_awake_with_the_next_word(agent: Agent, mac: Machine) -> None:
    agent.post("reports", {**REPORT, "boot_id": A, "sequence": 1})

    agent.post("heartbeats", heartbeat(A, 2, announce="sleep"))
    mac.refresh_from_db()
    asleep = mac.state
    agent.post("heartbeats", heartbeat(A, 3, announce="wake"))
    mac.refresh_from_db()

    assert (asleep, mac.state) == ("asleep", "online")
    assert [str(change.after) for change in StateChange.objects.order_by("pk")] == ["online", "asleep", "online"]


def test_two_machines_with_one_token_are_quarantined(agent: Agent, mac: Machine) -> None:
    agent.post("reports", {**REPORT, "boot_id": A, "sequence": 1})
    for sequence in (2, 3, 4):
        agent.post("heartbeats", heartbeat(A, sequence))
        agent.post("heartbeats", heartbeat(B, sequence))

    buffer.flush()
    evaluate_due(now=datetime.now(UTC))

    mac.refresh_from_db()
    assert mac.state == "quarantined"
    assert mac.health.quarantine == "cloned"


def test_runtime_must_be_broken_twice_and_well_twice(agent: Agent, mac: Machine) -> None:
    states = []
    well = {**REPORT, "runtimes": REPORT["runtimes"][:1]}
    for sequence, report in enumerate([REPORT, REPORT, well, REPORT, well, well], start=1):
        agent.post("reports", {**report, "boot_id": A, "sequence": sequence})
        mac.refresh_from_db()
        states.append(mac.state)

    assert states == ["online", "degraded", "degraded", "degraded", "degraded", "online"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"boot_id": "../../etc/passwd", "sequence": 1}, "boot_id"),
        ({"boot_id": A, "sequence": -1}, "sequence"),
        ({"boot_id": A, "sequence": 1.5}, "sequence"),
        ({"boot_id": A, "sequence": True}, "sequence"),
        ({"boot_id": A}, "sequence"),
        ({"announce": "hibernate"}, "announce"),
        ({"machine": "m_other"}, "machine"),
        ({"seen_at": "2030-01-01T00:00:00Z"}, "seen_at"),
    ],
)
def test_forged_heartbeat_is_refused_by_its_field(
    agent: Agent, mac: Machine, changes: dict[str, Any], field: str
) -> None:
    answer = agent.post("heartbeats", {"state": None, **changes})

    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert seen_at(mac) is None


def test_heartbeat_over_its_limit_is_413(agent: Agent, mac: Machine) -> None:
    answer = agent.post("heartbeats", heartbeat("a" * 70_000, 1))

    assert answer.status_code == 413
    assert seen_at(mac) is None


def test_report_with_ten_thousand_runtimes_is_refused_whole(agent: Agent, mac: Machine) -> None:
    runtimes = [{"kind": "ollama", "base_url": f"http://x:{port}", "state": "up"} for port in range(1, 10_001)]

    answer = agent.post("reports", {**REPORT, "runtimes": runtimes})

    assert (answer.status_code, answer.json()["field"]) == (400, "runtimes")
    assert seen_at(mac) is None


def test_report_of_the_future_is_there_now_and_not_longer(agent: Agent, mac: Machine) -> None:
    with time_machine.travel(NOW, tick=False):
        agent.post("reports", {**REPORT, "collected_at": "2030-01-01T00:00:00Z", "boot_id": A, "sequence": 1})

    evaluate_due(now=NOW + timedelta(minutes=10))

    mac.refresh_from_db()
    assert (mac.state, mac.reported_at) == ("offline", NOW)


def test_revoked_machine_gets_nothing_in(mac: Machine) -> None:
    Machine.objects.update(state="retired")

    assert not receive_now(Health.objects.select_related("machine").get(pk=mac.pk), Message(at=NOW))
    assert receive_many([(mac.pk, Message(at=NOW))]) == 0
    assert seen_at(mac) is None


def test_messages_that_were_buffered_are_written_in_few_statements(django_assert_max_num_queries: Any) -> None:
    machines = [join(f"mini-{number}")[0] for number in range(20)]
    messages = [
        (machine.pk, Message(at=NOW, origin=Origin(A, 1), situation={"on_battery": True})) for machine in machines
    ]

    with django_assert_max_num_queries(4):
        assert receive_many(messages) == 20

    assert receive_many(messages) == 0
    assert Health.objects.filter(seen_at=NOW, messages=1, situation={"on_battery": True}).count() == 20
    assert Health.objects.get(pk=machines[0].pk).boots[0]["sequence"] == 1


def test_message_that_comes_between_reading_and_writing_is_not_lost(mac: Machine) -> None:
    stale = Health.objects.select_related("machine").get(pk=mac.pk)
    receive_now(Health.objects.select_related("machine").get(pk=mac.pk), Message(at=NOW, origin=Origin(A, 7)))

    assert not receive_now(stale, Message(at=NOW, origin=Origin(A, 6)))
    assert receive_now(stale, Message(at=NOW, origin=Origin(B, 1)))
    assert [boot["id"] for boot in Health.objects.get(pk=mac.pk).boots] == [B, A]


def test_what_a_person_decides_while_a_message_is_taken_in_stays_decided(mac: Machine, aiko: User) -> None:
    stale = Health.objects.select_related("machine").get(pk=mac.pk)
    quarantine_machine(machine=mac, by=aiko)

    assert receive_now(stale, Message(at=NOW))
    assert Health.objects.get(pk=mac.pk).quarantine == "person"

    stale = Health.objects.select_related("machine").get(pk=mac.pk)
    release_machine(machine=mac, by=aiko)

    assert receive_now(stale, Message(at=NOW))
    assert Health.objects.get(pk=mac.pk).quarantine == ""

    stale = Health.objects.select_related("machine").get(pk=mac.pk)
    revoke_machine(machine=mac, by=aiko)

    assert not receive_now(stale, Message(at=NOW))


def test_heartbeat_of_an_earlier_start_that_is_written_late_changes_nothing_that_is_newer(mac: Machine) -> None:
    five_s = timedelta(seconds=5)
    rows = Health.objects.select_related("machine")
    receive_now(rows.get(pk=mac.pk), Message(at=NOW - 2 * five_s, origin=Origin(A, 1), is_report=True))
    newest = Message(at=NOW, origin=Origin(B, 1), announcement="sleep", situation={"n": 2}, interval_s=90)
    receive_now(rows.get(pk=mac.pk), newest)

    assert receive_now(
        rows.get(pk=mac.pk), Message(at=NOW - five_s, origin=Origin(A, 2), situation={"n": 1}, interval_s=60)
    )

    health = rows.get(pk=mac.pk)
    assert (health.situation, health.interval_s, health.slept_at, health.seen_at) == ({"n": 2}, 90, NOW, NOW)
