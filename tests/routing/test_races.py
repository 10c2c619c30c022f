"""What happens when two people, or an agent twice, do the same at once: one of them wins, and nothing is lost.

On PostgreSQL, where transactions really run side by side; SQLite lets one write after the other.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from portal.accounts.models import Role, User
from portal.audit.models import AuditEntry
from routing.drafts import DraftRefusedError, discard_draft, publish_draft, save_draft
from routing.models import Decision, PolicyDraft, PolicyRevision, Receipt
from routing.publishing import change_policy
from tests.conftest import PASSWORD
from tests.routing.conftest import ACME
from tests.routing.test_drafts import BETA, adding
from tests.routing.test_receipts_api import REQUEST, receipt_of, send

pytestmark = [pytest.mark.slow, pytest.mark.where("postgresql"), pytest.mark.django_db(transaction=True)]

GAMMA = {**ACME, "id": "nda-gamma", "match": {"remotes": ["github.com/gamma/**"]}}
ROUNDS = range(5)

type Act = Callable[[], Any]


@pytest.fixture
def dan() -> User:
    return User.objects.create_user(email="dan@example.org", name="Dan", password=PASSWORD, role=Role.POLICY_ADMIN)


def at_once(*acts: Act) -> list[Any]:
    """What each returned or raised, all let go at the same moment, each with a connection of its own."""
    results: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(index: int, act: Act) -> None:
        start.wait(10)
        try:
            results[index] = act()
        except DraftRefusedError as refused:
            results[index] = refused
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def outcomes(results: list[Any]) -> tuple[list[Any], list[str]]:
    """What was done, and the sentences of those who were refused."""
    refused = [str(one) for one in results if isinstance(one, DraftRefusedError)]
    return [one for one in results if not isinstance(one, DraftRefusedError)], refused


def count(action: str) -> int:
    return AuditEntry.objects.filter(action=action).count()


def rule_ids() -> list[list[str]]:
    return [[rule["id"] for rule in one.parsed["privacy_rules"]] for one in PolicyRevision.objects.order_by("number")]


@pytest.mark.parametrize("_round", ROUNDS)
def test_of_two_who_publish_one_draft_one_is_refused(_round, publish, aiko, dan):
    publish(privacy_rules=[ACME])
    draft = save_draft(change=adding(BETA), title="Beta", by=aiko)

    results = at_once(*(lambda who=who: publish_draft(public_id=draft.public_id, by=who) for who in (aiko, dan)))

    published, refused = outcomes(results)
    assert [one.number for one in published] == [2]
    assert len(refused) == 1
    assert "published already" in refused[0] or "has changed since" in refused[0]
    assert rule_ids() == [["nda-acme"], ["nda-acme", "nda-beta"]]
    assert (count("draft.published"), count("revision.published")) == (1, 2)


@pytest.mark.parametrize("_round", ROUNDS)
def test_of_two_drafts_from_one_base_the_later_is_told_what_changed(_round, publish, aiko, dan):
    publish(privacy_rules=[ACME])
    beta = save_draft(change=adding(BETA), title="Beta", by=aiko)
    gamma = save_draft(change=adding(GAMMA), title="Gamma", by=dan)

    results = at_once(
        lambda: publish_draft(public_id=beta.public_id, by=aiko),
        lambda: publish_draft(public_id=gamma.public_id, by=dan),
    )

    published, refused = outcomes(results)
    assert [one.number for one in published] == [2]
    assert len(refused) == 1
    assert "has changed since this draft was saved" in refused[0]
    assert sorted(PolicyDraft.objects.values_list("state", flat=True)) == ["published", "waiting"]


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_draft_is_published_or_discarded_never_both(_round, publish, aiko, dan):
    publish(privacy_rules=[ACME])
    draft = save_draft(change=adding(BETA), title="Beta", by=aiko)

    results = at_once(
        lambda: publish_draft(public_id=draft.public_id, by=aiko),
        lambda: discard_draft(public_id=draft.public_id, by=dan),
    )

    done, refused = outcomes(results)
    assert (len(done), len(refused)) == (1, 1)
    draft.refresh_from_db()
    assert count("draft.published") == (draft.state == "published") == (PolicyRevision.objects.count() == 2)
    assert count("draft.discarded") == (draft.state == "discarded")


@pytest.mark.parametrize("_round", ROUNDS)
def test_two_who_save_and_one_who_publishes_lose_nothing(_round, publish, aiko, dan):
    publish(privacy_rules=[ACME])

    beta, gamma, revision = at_once(
        lambda: save_draft(change=adding(BETA), title="Beta", by=aiko),
        lambda: save_draft(change=adding(GAMMA), title="Gamma", by=dan),
        lambda: change_policy(change=adding({**ACME, "id": "nda-now", "match": BETA["match"]}), by=aiko, note=""),
    )

    assert revision.number == 2
    for draft, rule in ((beta, "nda-beta"), (gamma, "nda-gamma")):
        base = PolicyRevision.objects.get(number=draft.base_revision)
        held = [one["id"] for one in draft.parsed["privacy_rules"]]
        assert held == [*(one["id"] for one in base.parsed["privacy_rules"]), rule]


@pytest.mark.parametrize("_round", ROUNDS)
def test_two_who_change_the_policy_both_change_it(_round, publish, aiko, dan):
    publish(privacy_rules=[ACME])

    at_once(
        lambda: change_policy(change=adding(BETA), by=aiko, note=""),
        lambda: change_policy(change=adding(GAMMA), by=dan, note=""),
    )

    assert sorted(rule_ids()[-1]) == ["nda-acme", "nda-beta", "nda-gamma"]


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_batch_of_receipts_that_is_sent_twice_at_once_is_stored_once(_round, publish, ben_mini):
    publish(privacy_rules=[ACME])
    answer = {**ben_mini.ask(REQUEST).json(), "decided_by": "agent"}
    Decision.objects.all().delete()
    batch = [receipt_of(answer), receipt_of(answer, kind="end", exit=0)]

    first, second = at_once(*(lambda: send(ben_mini, *batch) for _time in range(2)))

    assert (first.status_code, second.status_code) == (200, 200)
    assert sorted([first.json()["stored"], second.json()["stored"]]) == [0, 2]
    assert (Decision.objects.count(), Receipt.objects.count()) == (1, 2)
