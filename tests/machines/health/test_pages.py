"""Pages of health: the fleet, one machine's days, many machines at once; and what outsiders see of them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from machines.health import queries
from machines.health.evaluating import evaluate_due
from machines.health.models import FleetSample, Health, PollTarget, StateChange, Watch
from machines.health.queries import get_health
from machines.models import Machine
from machines.queries import get_visible_machine
from machines.tasks import retire_silent
from portal.accounts.models import ApiToken, User
from portal.audit.models import AuditEntry
from tests.machines.conftest import REPORT, Agent, join

pytestmark = pytest.mark.django_db
type SignIn = Callable[[User], Client]
PART = {"HX-Request": "true"}


def text_of(client: Client, address: str, **headers: str) -> str:
    return client.get(address, headers=headers).content.decode()


def test_list_counts_states_and_filters_by_them(client_of: SignIn, aiko: User, mac: Machine) -> None:
    join("away")
    Machine.objects.filter(name="away").update(state="offline")

    page = text_of(client_of(aiko), "/machines/?state=offline")

    assert "away" in page
    assert "ben-mini" not in page
    assert "Pending 1" in page
    assert "Offline 1" in page


def test_retired_machines_are_shown_only_when_asked_for(client_of: SignIn, aiko: User, mac: Machine) -> None:
    Machine.objects.update(state="retired")

    assert "ben-mini" not in text_of(client_of(aiko), "/machines/")
    assert "ben-mini" in text_of(client_of(aiko), "/machines/?state=retired")
    assert "ben-mini" not in text_of(client_of(aiko), "/machines/?state=nonsense&page=nonsense")


def test_evaluator_that_stopped_is_told_with_its_age(client_of: SignIn, aiko: User, mac: Machine) -> None:
    now = timezone.now()
    Watch.objects.create(evaluated_at=now - timedelta(minutes=5, seconds=1))

    assert "The evaluator stopped 5 min " in text_of(client_of(aiko), "/machines/")
    evaluate_due(now=timezone.now())
    assert "The evaluator stopped" not in text_of(client_of(aiko), "/machines/")


def test_sparkline_says_in_words_how_many_were_there(client_of: SignIn, aiko: User, ben: User, mac: Machine) -> None:
    now = timezone.now()
    for hours, online in ((3, 4), (2, 9), (1, 6)):
        FleetSample.objects.create(at=now - timedelta(hours=hours), counts={"online": online, "offline": 2})

    assert "between 4 and 9 were there, at last 6" in text_of(client_of(aiko), "/machines/")
    assert "were there, at last" not in text_of(client_of(ben), "/machines/")


def test_part_that_has_not_changed_is_not_sent_again(client_of: SignIn, ben: User, mac: Machine) -> None:
    browser = client_of(ben)
    for address in ("/machines/", f"/machines/{mac.public_id}/"):
        first = browser.get(address, headers=PART)
        again = browser.get(address, headers={**PART, "If-None-Match": first.headers["ETag"]})
        Machine.objects.update(state="offline" if mac.state == "pending" else "pending")
        changed = browser.get(address, headers={**PART, "If-None-Match": first.headers["ETag"]})
        mac.refresh_from_db()

        assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)
        assert "ETag" not in browser.get(address).headers


def test_number_of_queries_does_not_grow_with_machines(
    client_of: SignIn, aiko: User, mac: Machine, django_assert_max_num_queries: Any
) -> None:
    for number in range(8):
        join(f"mini-{number}")

    browser = client_of(aiko)
    with django_assert_max_num_queries(11):
        browser.get("/machines/", headers=PART)


@pytest.mark.parametrize(("action", "state"), [("quarantine", "quarantined"), ("revoke", "retired")])
def test_admin_acts_on_many_machines_at_once(client_of: SignIn, aiko: User, action: str, state: str) -> None:
    machines = [join(f"mini-{number}")[0] for number in range(3)]
    ticked = [machine.public_id for machine in machines[:2]]

    page = client_of(aiko).post("/machines/act", {"action": action, "machine": ticked}, follow=True)

    assert "2 Macs were changed." in page.content.decode()
    assert list(Machine.objects.order_by("name").values_list("state", flat=True)) == [state, state, "pending"]
    assert AuditEntry.objects.filter(action__startswith="machine.", by=aiko).count() == 2


def test_machines_that_are_long_gone_are_cleaned_up_by_their_state(client_of: SignIn, aiko: User) -> None:
    for number in range(3):
        join(f"mini-{number}")
    Machine.objects.exclude(name="mini-0").update(state="missing")

    client_of(aiko).post("/machines/act", {"action": "revoke", "all_of": "missing"})

    assert list(Machine.objects.order_by("name").values_list("state", flat=True)) == ["pending", "retired", "retired"]


@pytest.mark.parametrize(("days", "left"), [(None, 4), (90, 2)])
def test_machines_that_were_silent_for_long_are_retired_where_the_operator_says_so(
    settings: Settings, days: int | None, left: int
) -> None:
    settings.RETIRE_AFTER_DAYS = days
    names = ("long-gone", "gone", "never-heard", "new")
    gone, recent, never, _new = (join(name)[0] for name in names)
    now = timezone.now()
    for machine, age in ((gone, 91), (recent, 89)):
        Machine.objects.filter(pk=machine.pk).update(state="missing")
        Health.objects.filter(pk=machine.pk).update(seen_at=now - timedelta(days=age))
    Machine.objects.filter(pk=never.pk).update(created_at=now - timedelta(days=91))

    retire_silent()

    assert Machine.objects.exclude(state="retired").count() == left
    assert set(AuditEntry.objects.filter(action="machine.revoked").values_list("actor", flat=True)) <= {"portal"}
    assert ApiToken.objects.filter(revoked_at=None).filter(kind="kmt").count() == left


def test_person_acts_on_own_machines_alone(client_of: SignIn, ben: User, chie: User, mac: Machine) -> None:
    other, _ = join("chie-air", chie)
    both = {"action": "quarantine", "machine": [mac.public_id, other.public_id]}

    client_of(ben).post("/machines/act", both)

    assert {health.machine.name for health in Health.objects.exclude(quarantine="")} == {"ben-mini"}
    assert client_of(chie).post(f"/machines/{mac.public_id}/quarantine").status_code == 404


@pytest.mark.parametrize(
    "data", [{}, {"action": "revoke"}, {"action": "delete", "machine": "m_x"}, {"all_of": "missing"}]
)
def test_incomplete_action_changes_nothing(client_of: SignIn, aiko: User, mac: Machine, data: dict[str, str]) -> None:
    page = client_of(aiko).post("/machines/act", data, follow=True)

    assert "Choose what to do" in page.content.decode()
    assert Machine.objects.get().state == "pending"


def test_quarantine_is_told_and_ended_on_the_machines_page(client_of: SignIn, ben: User, mac: Machine) -> None:
    address = f"/machines/{mac.public_id}/"
    page = client_of(ben).post(f"{address}quarantine", follow=True).content.decode()
    released = client_of(ben).post(f"{address}quarantine", {"release": "1"}, follow=True).content.decode()

    assert "In quarantine: set by a person." in page
    assert "In quarantine" not in released


def test_page_shows_the_timeline_and_both_views(client_of: SignIn, ben: User, agent: Agent, mac: Machine) -> None:
    agent.post("reports", REPORT)
    now = timezone.now()
    runtime = {"kind": "ollama", "state": "up", "loaded": ["qwen3:8b"], "effective_context_tokens": 8192}
    PollTarget.objects.create(
        machine=mac, kind="agent", host="10.0.0.7", port=7411, due_at=now, polled_at=now, is_reachable=True,
        latency_ms=12.4, view={"runtimes": [runtime]},
    )  # fmt: skip

    page = text_of(client_of(ben), f"/machines/{mac.public_id}/")

    assert "answers in 12 ms" in page
    assert "qwen3:8b" in page
    assert 'class="online"' in page
    assert "Pending → <b>Online</b>" in page
    assert "llama_cpp:8080" in page


def test_timeline_has_no_holes(ben: User, mac: Machine) -> None:
    now = timezone.now()
    Machine.objects.update(created_at=now - timedelta(days=30), state="online")
    for days, before, after in ((5, "pending", "online"), (3, "online", "offline"), (2.5, "offline", "online")):
        StateChange.objects.create(machine=mac, at=now - timedelta(days=days), before=before, after=after)

    segments = get_health(get_visible_machine(ben, mac.public_id), now=now).segments

    assert [str(segment.state) for segment in segments] == ["pending", "online", "offline", "online"]
    assert sum(segment.width for segment in segments) == pytest.approx(100)


def test_availability_of_the_mac_counts_neither_sleep_nor_quarantine(ben: User, mac: Machine) -> None:
    now = timezone.now()
    Machine.objects.update(created_at=now - timedelta(days=60), state="online")
    path = ("pending", "online", "asleep", "offline", "quarantined", "online")
    for days, before, after in zip((10, 8, 6, 5, 3), path, path[1:], strict=False):
        StateChange.objects.create(machine=mac, at=now - timedelta(days=days), before=before, after=after)

    health = get_health(get_visible_machine(ben, mac.public_id), now=now)

    assert health.there_percent == pytest.approx(100 * 5 / 6)


def test_past_of_a_mac_that_changes_all_the_time_is_read_to_an_end(
    ben: User, mac: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "CHANGES_READ", 3)
    now = timezone.now()
    Machine.objects.update(created_at=now - timedelta(days=60), state="online")
    for minutes in range(50, 0, -10):
        before, after = ("asleep", "online") if minutes % 20 else ("online", "asleep")
        StateChange.objects.create(machine=mac, at=now - timedelta(minutes=minutes), before=before, after=after)

    segments = get_health(get_visible_machine(ben, mac.public_id), now=now).segments

    assert [str(segment.state) for segment in segments] == ["online", "asleep", "online"]


def test_a_look_that_just_failed_is_not_told_as_none(client_of: SignIn, ben: User, mac: Machine) -> None:
    now = timezone.now()
    PollTarget.objects.create(
        machine=mac, kind="ollama", host="10.0.0.7", port=1, due_at=now, polled_at=now, failures=1, failure="timeout"
    )

    page = text_of(client_of(ben), f"/machines/{mac.public_id}/")

    assert "does not answer (no whole answer in time)" in page
    assert "not polled yet" not in page


def test_a_worker_that_never_came_is_told(client_of: SignIn, aiko: User) -> None:
    now = timezone.now()
    Watch.objects.update_or_create(pk=1, defaults={"listening_since": now - timedelta(minutes=5), "listened_at": now})

    assert "The evaluator stopped" in text_of(client_of(aiko), "/machines/")


def test_name_that_turns_the_direction_of_text_is_shown_as_it_is(client_of: SignIn, ben: User, mac: Machine) -> None:
    name = "qwen\N{RIGHT-TO-LEFT OVERRIDE}evil\N{LEFT-TO-RIGHT ISOLATE}"
    view = {"runtimes": [{"kind": "ollama", "state": "up", "loaded": [name], "effective_context_tokens": None}]}
    PollTarget.objects.create(machine=mac, kind="agent", host="10.0.0.7", port=1, due_at=timezone.now(), view=view)

    page = text_of(client_of(ben), f"/machines/{mac.public_id}/")

    assert "qwen\N{REPLACEMENT CHARACTER}evil\N{REPLACEMENT CHARACTER}" in page


def test_name_with_markup_is_text_on_every_page(client_of: SignIn, aiko: User, mac: Machine) -> None:
    markup = "<script>alert(1)</script>"
    Machine.objects.update(name=markup)
    view = {"runtimes": [{"kind": "ollama", "state": "up", "loaded": [markup], "effective_context_tokens": None}]}
    PollTarget.objects.create(machine=mac, kind="agent", host="10.0.0.7", port=1, due_at=timezone.now(), view=view)

    for address in ("/machines/", f"/machines/{mac.public_id}/", "/"):
        assert markup not in text_of(client_of(aiko), address)
