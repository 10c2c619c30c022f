"""The demo: made by the services, marked everywhere, the same each time, and gone without a trace."""

import socket
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from machines.models import Benchmark, Health, Machine, Runtime
from machines.tasks import watch_machines
from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.common.policy_head import get_head
from portal.demo import services
from portal.demo.cast import MACS, PEOPLE
from portal.demo.services import POLICY_FILE, DemoRefusedError, make_demo, remove_demo
from portal.demo.tasks import keep_demo_alive
from portal.incidents.models import Incident, Part
from portal.incidents.telling import tell
from portal.notices.choices import send_test_to
from portal.notices.delivery import deliver_due
from portal.notices.models import Delivery, Destination, Notice
from portal.notices.queries import list_own_deliveries
from portal.notices.services import resend
from routing.bundles import forget_bundles, get_current_bundle
from routing.drafts import list_waiting_drafts
from routing.inbox import list_requests
from routing.models import Decision, PolicyDraft, PolicyRequest, PolicyRevision, Receipt
from routing.policy_changes import PolicyChanges
from routing.policy_file import read_policy_file
from routing.publishing import load_document

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

DAYS_OF_WORK = 6


@pytest.fixture(autouse=True)
def no_bundle_of_another_test() -> None:
    forget_bundles()


@pytest.fixture(scope="module")
def made_once(kept_for_module: None) -> datetime:
    now = datetime.now(UTC)
    make_demo(now=now, days_of_work=DAYS_OF_WORK)
    return now


@pytest.fixture
def demo(made_once: datetime, db: None) -> datetime:
    """Now, with the work of some days only."""
    return made_once


def test_the_team_its_macs_and_its_work_are_there(demo: datetime) -> None:
    assert User.objects.count() == len(PEOPLE) == 8
    assert Machine.objects.count() == len(MACS) == 11
    assert Counter(Machine.objects.values_list("state", flat=True)) == {
        "online": 7, "degraded": 1, "late": 1, "offline": 1, "missing": 1,
    }  # fmt: skip
    assert Runtime.objects.filter(state="broken").count() == 1
    assert set(Decision.objects.values_list("decided_by", flat=True)) == {"agent", "portal"}
    assert set(Decision.objects.values_list("backend", flat=True)) == {"local", "cloud", "none"}
    assert Receipt.objects.filter(is_mismatch=True, kind="start").exists()
    assert Receipt.objects.filter(is_mismatch=True, kind="direct").exists()


def test_the_fleet_has_a_day_behind_it(demo: datetime, client: Client) -> None:
    client.force_login(User.objects.get(email=PEOPLE[0].email))

    assert "<polyline" in client.get("/machines/").content.decode()


def test_no_run_of_the_demo_is_set_aside(demo: datetime) -> None:
    assert Benchmark.objects.exists()
    assert not Benchmark.objects.exclude(set_aside="").exists()


def test_drafts_of_every_state_are_there(demo: datetime) -> None:
    states = Counter(PolicyDraft.objects.values_list("state", flat=True))
    current, old = list_waiting_drafts()

    assert states == {"waiting": 2, "published": 1, "discarded": 1}
    assert (current.draft.title, current.meanwhile) == ("internal-minato-ios", None)
    meanwhile = PolicyChanges(("nda-hokuto",), (), (), ("exceptions",))
    assert (old.draft.title, old.meanwhile) == ("nda-hokuto-labeler", meanwhile)
    assert not PolicyDraft.objects.filter(closed_at__gt=demo).exists()


def test_requests_of_every_kind_and_state_are_there(demo: datetime) -> None:
    found = list_requests(User.objects.get(email=PEOPLE[0].email))
    drafted = PolicyDraft.objects.get(state="waiting", request__in=found).request

    assert set(found.values_list("kind", "state")) == {
        ("classify", "answered"), ("exception", "answered"), ("exception", "declined"),
        ("classify", "open"), ("exception", "open"),
    }  # fmt: skip
    assert drafted is not None
    assert (drafted.state, drafted.remotes) == ("open", "github.com/minato/dispatch-ios")
    assert not PolicyRequest.objects.filter(at__gt=demo).exists()
    assert not PolicyRequest.objects.filter(answered_at__gt=demo).exists()


def test_one_exception_has_ended_and_the_other_opens_what_was_published(demo: datetime) -> None:
    ended, in_force = load_document()["exceptions"]
    opened = Decision.objects.filter(rules__contains="\nhokuto-fhir-client\n")

    assert ended["expires"] < f"{demo:%Y-%m-%d}" < in_force["expires"]
    assert ended["machines"] == [Machine.objects.get(name="demo-takahashi-mbp16").public_id]
    assert set(opened.values_list("effect", flat=True)) == {"cloud_ok"}
    assert {remote for (remote,) in opened.values_list("remotes")} == {"git.hokuto.example/app/fhir-client"}


def test_notices_reached_their_receivers_until_the_channel_was_archived(demo: datetime) -> None:
    states = Counter(Delivery.objects.values_list("state", "reason"))
    dead = Delivery.objects.get(state="dead")

    assert set(states) == {("sent", ""), ("dead", "webhook.http_410")}
    assert (dead.receiver, dead.notice.kind) == ("#kirikae (demo)", "machine.offline")
    assert Delivery.objects.filter(notice__kind="notice.dead", state="sent").exists()
    assert not Delivery.objects.filter(notice__at__gt=dead.notice.at, destination=dead.destination).exists()
    assert not Delivery.objects.filter(ended_at__gt=demo).exists()
    for person in (PEOPLE[0], PEOPLE[4]):
        assert list_own_deliveries(User.objects.get(email=person.email))


def test_the_page_of_notices_asks_for_no_mail_server_that_would_send_nothing(demo: datetime, client: Client) -> None:
    client.force_login(User.objects.get(email=PEOPLE[0].email))

    page = client.get("/notices/").content.decode()

    assert "No mail is sent in a demo" in page
    assert "KIRIKAE_MAIL_URL" not in page


def test_every_incident_was_told_when_it_happened(demo: datetime) -> None:
    for part in Part.objects.select_related("incident"):
        assert part.told_at is not None
        assert part.tell_at <= part.told_at < part.tell_at + timedelta(minutes=5)
        assert Delivery.objects.filter(notice__subject=part.incident.public_id).exists()
    assert set(Incident.objects.values_list("kind", flat=True)) == {"offline", "degraded", "mismatch", "dead_letter"}
    assert Incident.objects.get(kind="dead_letter").acknowledged_at is not None
    assert tell(now=demo + timedelta(seconds=15)) == 0


def test_nothing_that_is_tried_with_the_demos_webhooks_leaves_the_machine(
    demo: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *name, **_: asked.append(name))
    owner = User.objects.get(email=PEOPLE[0].email)
    before = Delivery.objects.filter(state="sent").count()
    for destination in Destination.objects.all():
        send_test_to(destination=destination, by=owner)
    resend(delivery=Delivery.objects.get(state="dead"), by=owner)

    assert deliver_due() == 0

    tried = Delivery.objects.exclude(state="sent")
    assert {one.reason for one in tried} == {"webhook.name_not_found"}
    assert (tried.count(), Delivery.objects.filter(state="sent").count()) == (4, before)
    assert asked == []


def test_everything_carries_the_time_that_it_tells_of(demo: datetime) -> None:
    decisions = Decision.objects.order_by("at")

    assert demo - timedelta(days=DAYS_OF_WORK + 1) < decisions[0].at < demo
    assert AuditEntry.objects.order_by("at")[0].at == demo - timedelta(days=60)
    assert not Decision.objects.filter(at__gt=demo).exists()
    assert not Receipt.objects.filter(received_at__gt=demo).exists()
    assert list(PolicyRevision.objects.order_by("number").values_list("at", flat=True)) == sorted(
        PolicyRevision.objects.values_list("at", flat=True)
    )


def test_no_work_under_nda_went_to_the_cloud_by_an_answer_of_the_portal(demo: datetime) -> None:
    protected = Decision.objects.filter(remotes__contains="shinonome").exclude(recheck="mismatch")

    assert protected.exists()
    assert not protected.filter(backend="cloud").exists()


def test_every_page_says_demo(demo: datetime, client: Client) -> None:
    assert "<strong>DEMO</strong>" in client.get("/sign-in").content.decode()
    client.force_login(User.objects.get(email="sato@hoshizora.example"))
    for address in ("/", "/machines/", "/decisions/", "/projects/", "/people"):
        assert "<strong>DEMO</strong>" in client.get(address).content.decode()
    assert all(machine.name.startswith("demo-") for machine in Machine.objects.all())
    assert all(person.name.endswith("(demo)") for person in User.objects.all())


def test_the_agents_of_the_demo_go_on_while_the_portal_runs(demo: datetime) -> None:
    Health.objects.update(seen_at=demo - timedelta(minutes=10), due_at=demo)

    keep_demo_alive.apply().get()
    watch_machines.apply().get()

    seen = Counter(Machine.objects.filter(health__seen_at__gte=demo).values_list("state", flat=True))
    assert seen == {"online": 8, "degraded": 1}


def test_the_policy_in_force_in_the_demo_is_the_file(demo: datetime) -> None:
    document: Any = read_policy_file(POLICY_FILE.read_bytes())
    rules = get_current_bundle().bundle.policy.privacy_rules

    assert {rule.id for rule in rules} == {rule["id"] for rule in document["privacy_rules"]}
    assert str(get_current_bundle().bundle.policy.identified) == "local_only"


def test_removing_leaves_the_portal_as_new(demo: datetime) -> None:
    epoch = get_head().epoch

    remove_demo()

    kinds = (User, Machine, Decision, Receipt, PolicyDraft, PolicyRequest, Incident, Notice, Delivery, Destination)
    assert [kind.__name__ for kind in kinds if kind._default_manager.exists()] == []
    assert [entry.action for entry in AuditEntry.objects.all()] == ["revision.published"]
    head = get_head()
    assert (head.revision, head.is_demo, head.epoch > epoch) == (1, False, True)


def test_a_demo_that_real_people_have_joined_is_not_removed(demo: datetime, aiko: User) -> None:
    with pytest.raises(DemoRefusedError, match="has joined"):
        remove_demo()

    assert Decision.objects.exists()


def test_the_password_is_new_each_time_and_works(demo: datetime, client: Client) -> None:
    first, second = (services.ensure_demo()[1].rpartition(" ")[2] for _ in range(2))

    assert first != second
    signed_in = [
        client.post("/sign-in", {"username": "sato@hoshizora.example", "password": password}).status_code
        for password in (first, second)
    ]
    assert signed_in == [422, 302]
