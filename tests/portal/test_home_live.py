"""What moves on the home page, what waits for admins, and what the newest revision changed: to whom, at what cost."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from machines.models import Machine
from portal.accounts.models import Role, User
from routing.drafts import save_draft
from routing.inbox_models import PolicyRequest
from routing.models import Decision
from routing.services import ensure_first_revision, publish_revision
from tests.routing.conftest import ACME, enrolled

type ClientOf = Callable[[User], Client]

HTMX = {"HX-Request": "true"}
SECRET = {**ACME, "id": "nda-secret", "confidential": True}


@pytest.fixture
def auditor(db: None) -> User:
    return User.objects.create_user(email="dai@example.org", name="Dai", password=None, role=Role.AUDITOR)


@pytest.fixture
def bens_mac(ben: User) -> Machine:
    now = timezone.now()
    return Machine.objects.create(name="ben-mini", owner=ben, state_since=now, created_at=now)


def ask(client: Client, remote: str, task: str = "commit-message") -> Decision:
    client.post("/ask", {"task": task, "remote": remote, "machine": ""})
    return Decision.objects.latest("at", "id")


def test_todays_figures_are_ones_own_and_for_admins_the_teams(client_of: ClientOf, aiko: User, ben: User) -> None:
    ask(client_of(ben), "github.com/acme/app")
    ask(client_of(aiko), "github.com/new/thing")
    yesterday = ask(client_of(ben), "github.com/acme/app")
    Decision.objects.filter(pk=yesterday.pk).update(at=timezone.now() - timedelta(days=1, minutes=1))

    his = client_of(ben).get("/").context["live"]
    hers = client_of(aiko).get("/").context["live"]

    assert (his.counts.total, his.is_of_team) == (1, False)
    assert (hers.counts.total, hers.counts.own, hers.is_of_team) == (2, 1, True)


def test_the_live_parts_name_the_place_that_each_takes(client_of: ClientOf, bens_mac: Machine, ben: User) -> None:
    ask(client_of(ben), "github.com/acme/app")

    part = client_of(ben).get("/home/live", headers=HTMX).content.decode()
    page = client_of(ben).get("/").content.decode()

    for name in ("today", "my-macs", "last-decisions"):
        assert f'id="{name}"' in page
        assert part.count(f'id="{name}"') == 1
    assert part.count('hx-swap-oob="true"') == 3
    assert "hx-swap-oob" not in page
    assert "ben-mini" in part
    assert "<html" not in part


def test_the_live_parts_alone_are_no_page(client_of: ClientOf, ben: User) -> None:
    assert client_of(ben).get("/home/live").headers["Location"] == "/"


def test_chie_sees_nothing_of_bens_work(client_of: ClientOf, bens_mac: Machine, ben: User, chie: User) -> None:
    ask(client_of(ben), "github.com/acme/secret-app")

    page = client_of(chie).get("/").content.decode()
    part = client_of(chie).get("/home/live", headers=HTMX).content.decode()

    for theirs in ("acme/secret-app", "ben-mini"):
        assert theirs not in page
        assert theirs not in part


def test_what_is_left_of_the_allowance_is_told_when_a_mac_in_touch_reports_it(client_of: ClientOf, ben: User) -> None:
    mac = enrolled(ben, "ben-air").machine
    assert mac is not None
    assert client_of(ben).get("/").context["live"].quota_percent is None

    mac.health.situation = {"cloud_quota_left": 0.614}
    mac.health.save()
    assert client_of(ben).get("/").context["live"].quota_percent == 61

    Machine.objects.filter(pk=mac.pk).update(state="asleep")
    assert client_of(ben).get("/").context["live"].quota_percent is None


def test_the_desk_names_what_waits_and_leads_there(
    client_of: ClientOf, aiko: User, ben: User, bens_mac: Machine
) -> None:
    publish_revision(document={"version": 1, "privacy_rules": [{**ACME, "review_by": "2020-01-01"}]}, by=aiko)
    ask(client_of(ben), "github.com/new/thing")
    save_draft(change=lambda document: {**document, "default_task": "simple-docs"}, title="calmer", by=aiko)
    PolicyRequest.objects.create(kind="classify", machine=bens_mac, digest="0" * 64, at=timezone.now())

    desk = client_of(aiko).get("/").context["desk"]

    assert [(task.page, task.title) for task in desk.tasks] == [
        ("/requests/", "1 request waits for an answer"),
        ("/projects/", "1 project has no class"),
        ("/rules/#drafts", "1 draft is not in force"),
        ("/rules/", "1 rule is past its review"),
    ]
    assert [task.meaning for task in desk.tasks][2:] == ["calmer", "nda-acme"]


def test_the_first_owner_is_told_what_a_new_portal_lacks(client_of: ClientOf, aiko: User) -> None:
    User.objects.filter(pk=aiko.pk).update(role="owner")
    aiko.refresh_from_db()
    publish_revision(document={"version": 1, "unclassified": {"identified": "local_only"}}, by=aiko)

    tasks = client_of(aiko).get("/").context["desk"].tasks

    assert [(task.page, task.title) for task in tasks] == [
        ("/rules/new", "No NDA rule is in force"),
        ("/people", "Nobody else has an account"),
    ]


def test_an_auditor_is_shown_what_waits_without_being_asked_to_do_it(
    client_of: ClientOf, aiko: User, auditor: User
) -> None:
    save_draft(change=lambda document: {**document, "default_task": "simple-docs"}, title="calmer", by=aiko)

    assert ">Review</a>" in client_of(aiko).get("/").content.decode()
    assert ">Review</a>" not in client_of(auditor).get("/").content.decode()


def test_a_mac_without_an_owner_or_in_trouble_needs_a_look(client_of: ClientOf, aiko: User, ben: User) -> None:
    enrolled(ben, "ben-air")
    assert client_of(aiko).get("/").context["desk"].tasks == []

    enrolled(None, "lost")
    enrolled(ben, "ben-old")
    Machine.objects.filter(name="ben-old").update(state="missing")

    (task,) = client_of(aiko).get("/").context["desk"].tasks
    assert (task.title, task.meaning) == ("2 Macs need a look", "ben-old (Missing), lost (No owner)")


def test_the_desk_counts_protected_work(client_of: ClientOf, aiko: User, ben: User, auditor: User) -> None:
    publish_revision(document={"version": 1, "privacy_rules": [ACME]}, by=aiko)
    ask(client_of(ben), "github.com/acme/app")
    long_ago = ask(client_of(ben), "github.com/acme/app")
    Decision.objects.filter(pk=long_ago.pk).update(at=timezone.now() - timedelta(days=8))

    desk = client_of(auditor).get("/").context["desk"]

    assert (desk.protected.decisions, desk.protected.to_cloud) == (1, 0)
    assert "0 of 1 NDA decisions" in client_of(aiko).get("/").content.decode()


def test_developers_have_no_desk(client_of: ClientOf, ben: User) -> None:
    assert client_of(ben).get("/").context["desk"] is None


def test_news_of_the_policy_keep_confidential_rules_to_those_who_read_all(
    client_of: ClientOf, aiko: User, ben: User
) -> None:
    ensure_first_revision()
    publish_revision(document={"version": 1, "privacy_rules": [ACME, SECRET]}, by=aiko)

    his, hers = (client_of(person).get("/").context["news"].changes.added for person in (ben, aiko))

    assert (his, hers) == (("nda-acme",), ("nda-acme", "nda-secret"))
    assert "nda-secret" not in client_of(ben).get("/").content.decode()


def test_a_removed_rule_and_a_confidential_one_alone_are_no_news_for_developers(
    client_of: ClientOf, aiko: User, ben: User
) -> None:
    publish_revision(document={"version": 1, "privacy_rules": [ACME]}, by=aiko)
    publish_revision(document={"version": 1, "privacy_rules": [SECRET]}, by=aiko)

    assert client_of(ben).get("/").context["news"] is None
    assert client_of(aiko).get("/").context["news"].changes.removed == ("nda-acme",)


def test_the_repositories_offered_are_ones_own(client_of: ClientOf, aiko: User, ben: User, chie: User) -> None:
    ask(client_of(ben), "github.com/acme/app")
    ask(client_of(ben), "github.com/new/thing")
    ask(client_of(ben), "github.com/acme/app")

    offered = {person.name: client_of(person).get("/").context["remotes"] for person in (ben, chie, aiko)}

    both = ["github.com/acme/app", "github.com/new/thing"]
    assert offered == {"Ben": both, "Chie": [], "Aiko": both}


def test_home_costs_the_same_however_much_there_is(
    client_of: ClientOf, aiko: User, ben: User, bens_mac: Machine, django_assert_num_queries: Callable[[int], object]
) -> None:
    browser, his = client_of(aiko), client_of(ben)
    for number in range(9):
        ask(his, f"github.com/new/{number}")

    # On PostgreSQL each read of what one may see of the log asks for one's own Macs first.
    more = int(connection.vendor == "postgresql")
    for client, page, live in ((browser, 23, 8), (his, 13 + 3 * more, 9 + 2 * more)):
        client.get("/")
        with django_assert_num_queries(page):  # type: ignore[attr-defined]
            client.get("/")
        with django_assert_num_queries(live):  # type: ignore[attr-defined]
            client.get("/home/live", headers=HTMX)
