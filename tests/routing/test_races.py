"""What happens when two people, or an agent twice, do the same at once: one of them wins, and nothing is lost.

On PostgreSQL, where transactions really run side by side; SQLite lets one write after the other.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.http import Http404

from portal.accounts.models import Role, User
from portal.audit.models import AuditEntry
from routing.drafts import DraftRefusedError, discard_draft, publish_draft, save_draft
from routing.inbox import answer_with_rule, decline_request
from routing.models import Decision, PolicyDraft, PolicyRequest, PolicyRevision, Receipt
from routing.publishing import change_policy
from tests.conftest import PASSWORD
from tests.routing.conftest import ACME
from tests.routing.test_drafts import BETA, adding
from tests.routing.test_inbox import make
from tests.routing.test_receipts_api import REQUEST, receipt_of, send

pytestmark = [pytest.mark.slow, pytest.mark.where("postgresql"), pytest.mark.django_db(transaction=True)]

GAMMA = {**ACME, "id": "nda-gamma", "match": {"remotes": ["github.com/gamma/**"]}}
ROUNDS = range(5)

type Act = Callable[[], Any]


@pytest.fixture
def dan() -> User:
    return User.objects.create_user(email="dan@example.org", name="Dan", password=PASSWORD, role=Role.POLICY_ADMIN)


def at_once(*acts: Act) -> list[Any]:
    """What each returned, or how it was refused, all let go at the same moment, each with a connection of its own.

    Raises what else any of them raised: of a deadlock PostgreSQL ends one side with an error.
    """
    results: list[Any] = [None] * len(acts)
    errors: list[Exception] = []
    start = threading.Barrier(len(acts))

    def run(index: int, act: Act) -> None:
        start.wait(10)
        try:
            results[index] = act()
        except (DraftRefusedError, Http404) as refused:
            results[index] = refused
        except Exception as error:  # noqa: BLE001 - raised again in the test's own thread
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for error in errors:
        raise error
    return results


def outcomes(results: list[Any]) -> tuple[list[Any], list[str]]:
    """What was done, and the sentences of those who were refused."""
    refused = [str(one) for one in results if isinstance(one, DraftRefusedError)]
    return [one for one in results if not isinstance(one, DraftRefusedError)], refused


def wait_until_somebody_waits_for_a_lock() -> None:
    """Or for a second: who waits for nothing has finished."""
    with connection.cursor() as cursor:
        for _look in range(100):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)  # in the server: there is no event to wait for


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


@pytest.fixture
def asked(publish, ben_mini) -> PolicyRequest:
    publish(privacy_rules=[ACME])
    assert make(ben_mini).status_code == 200
    return PolicyRequest.objects.get()


@pytest.mark.parametrize("_round", ROUNDS)
def test_of_two_answers_to_one_request_one_is_given(_round, asked, aiko, dan):
    draft = save_draft(change=adding(GAMMA), title="Gamma", by=dan, request=asked)

    results = at_once(
        lambda: answer_with_rule(public_id=asked.public_id, rule=BETA, by=aiko),
        lambda: publish_draft(public_id=draft.public_id, by=dan),
    )

    done, refused = outcomes(results)
    assert ([type(one).__name__ for one in done], len(refused)) in (
        (["PolicyRevision"], 1),
        (["Http404", "PolicyRevision"], 0),
    )
    asked.refresh_from_db()
    assert (asked.state, asked.revision) == ("answered", 2)
    assert (count("request.answered"), PolicyRevision.objects.count()) == (1, 2)


@pytest.mark.parametrize("_round", ROUNDS)
def test_answers_to_two_requests_are_both_given(_round, asked, ben_mini, aiko, dan):
    assert make(ben_mini, kind="exception").status_code == 200
    other = PolicyRequest.objects.exclude(pk=asked.pk).get()

    at_once(
        lambda: answer_with_rule(public_id=asked.public_id, rule=BETA, by=aiko),
        lambda: answer_with_rule(public_id=other.public_id, rule=GAMMA, by=dan),
    )

    assert sorted(rule_ids()[-1]) == ["nda-acme", "nda-beta", "nda-gamma"]
    assert sorted(PolicyRequest.objects.values_list("state", "revision")) == [("answered", 2), ("answered", 3)]


@pytest.mark.parametrize("answer", ["with a rule", "by a draft", "no"])
def test_a_draft_saved_for_a_request_that_is_being_answered_waits_for_nobody_who_waits_for_it(asked, aiko, dan, answer):
    """The draft names the request, which PostgreSQL looks at when the draft is committed, after the head was locked."""
    draft = save_draft(change=adding(GAMMA), title="Gamma", by=dan, request=asked)
    answers: dict[str, Act] = {
        "with a rule": lambda: answer_with_rule(public_id=asked.public_id, rule=BETA, by=aiko),
        "by a draft": lambda: publish_draft(public_id=draft.public_id, by=aiko),
        "no": lambda: decline_request(public_id=asked.public_id, by=aiko),
    }
    is_saved = threading.Event()

    def save() -> PolicyDraft:
        with transaction.atomic():
            saved = save_draft(change=adding({**BETA, "id": "nda-late"}), title="Late", by=dan, request=asked)
            is_saved.set()
            wait_until_somebody_waits_for_a_lock()
        return saved

    def give() -> Any:
        assert is_saved.wait(10)
        return answers[answer]()

    saved, answered = at_once(save, give)

    assert isinstance(saved, PolicyDraft)
    assert isinstance(answered, PolicyRequest if answer == "no" else PolicyRevision)


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
