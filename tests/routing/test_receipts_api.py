"""POST /api/v1/receipts: what was really launched, stored once and compared with what was decided."""

import copy
from typing import Any

import pytest

from portal.common.ids import new_uuid7
from portal.common.models import PolicyHead
from portal.incidents.models import Part
from routing.models import Decision, Receipt
from tests.routing.conftest import ACME, Caller

URL = "/api/v1/receipts"
QUERIES_OF_A_BATCH = 10
REQUEST = {"task": "commit-message", "projects": [{"remotes": ["https://ben:hunter2@github.com/acme/app"]}]}


def send(caller: Caller, *receipts: dict[str, Any]) -> Any:
    return caller.client.post(URL, {"receipts": list(receipts)}, content_type="application/json")


def receipt_of(answer: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "decision": {"id": answer["id"], "request": REQUEST, "answer": answer, "facts_digest": "sha256:0"},
        "kind": "start",
        "at": "2026-11-25T00:00:00Z",
        "launched": {
            "client": "claude",
            "version": "2.1.197",
            "backend": answer["backend"],
            "model": "tiny",
            "base_url_class": "loopback",
            "profile": "hardened",
            "args_refused": ["--settings"],
        },
        "exit": None,
        "preflight": [{"check": "loopback", "ok": True, "code": None}],
        "guard": "advisory",
        **changes,
    }


@pytest.fixture
def decided(publish, ben_mini):
    """An answer of the portal to Ben's Mac."""
    publish(privacy_rules=[ACME])
    return ben_mini.ask(REQUEST).json()


@pytest.fixture
def decided_offline(decided):
    """The same answer under an id that the portal has not seen, as an agent would have made it."""
    answer = copy.deepcopy(decided)
    return answer | {"id": str(new_uuid7()), "decided_by": "agent"}


def test_a_receipt_is_stored_once(ben_mini, decided):
    first, second = send(ben_mini, receipt_of(decided)), send(ben_mini, receipt_of(decided))

    assert (first.json(), second.json()) == ({"stored": 1, "known": 0}, {"stored": 0, "known": 1})
    receipt = Receipt.objects.get()
    assert str(receipt.decision_id) == decided["id"]
    assert (receipt.launched or {})["args_refused"] == ["--settings"]
    assert not receipt.is_mismatch


def test_an_agents_decision_enters_the_log_and_is_decided_again(ben_mini, decided_offline):
    send(ben_mini, receipt_of(decided_offline))

    decision = Decision.objects.get(pk=decided_offline["id"])
    assert (decision.decided_by, decision.machine, decision.revision) == ("agent", ben_mini.machine, 1)
    assert decision.recheck == "same"
    assert "hunter2" not in str(decision.request) + str(decision.answer)


def test_an_answer_that_the_policy_would_not_give_is_marked(ben_mini, decided_offline):
    loosened = {**decided_offline["privacy"], "effect": "cloud_ok", "classification": "open", "rules": []}

    send(ben_mini, receipt_of({**decided_offline, "backend": "cloud", "privacy": loosened}))

    assert Decision.objects.get(pk=decided_offline["id"]).recheck == "mismatch"


def test_a_revision_that_is_not_here_cannot_be_checked(ben_mini, decided_offline):
    policy = {**decided_offline["policy"], "revision": 99}

    send(ben_mini, receipt_of({**decided_offline, "policy": policy}))

    assert Decision.objects.get(pk=decided_offline["id"]).recheck == "not_possible"


@pytest.mark.parametrize(
    ("named", "found"),
    [((1, 1), "same"), ((7, 1), "not_possible"), ((8, 1), "same"), ((1, 2), "not_possible"), ((8, 2), "mismatch")],
    ids=["before the backup", "of another portal", "after the restore", "lost with the old database", "made again"],
)
def test_numbers_that_a_restore_gave_again_are_not_taken_for_each_other(
    ben_mini, decided_offline, publish, named, found
):
    """A backup of r1 was restored as epoch 8, and another r2 published; the decision was made under `named`."""
    PolicyHead.objects.update(epoch=8)
    publish(privacy_rules=[{**ACME, "id": "nda-other"}])
    epoch, revision = named
    receipt = receipt_of({**decided_offline, "policy": {**decided_offline["policy"], "revision": revision}})

    send(ben_mini, {**receipt, "decision": {**receipt["decision"], "policy_epoch": epoch}})

    assert Decision.objects.get(pk=decided_offline["id"]).recheck == found


def test_an_old_policy_that_closed_more_is_no_mismatch(ben_mini, publish):
    publish(unclassified={"identified": "cloud_ok"})
    answer = ben_mini.ask(REQUEST).json()
    closed = {**answer["privacy"], "effect": "local_only"}
    old = {**answer, "id": str(new_uuid7()), "backend": "local", "privacy": closed}

    send(ben_mini, receipt_of({**old, "policy": {**answer["policy"], "state": "expired"}}))
    send(ben_mini, receipt_of({**old, "id": (fresh := str(new_uuid7()))}))

    assert Decision.objects.get(pk=old["id"]).recheck == "same"
    assert Decision.objects.get(pk=fresh).recheck == "mismatch"


@pytest.mark.parametrize("launched", [{"backend": "cloud"}, {"base_url_class": "anthropic"}])
def test_a_launch_elsewhere_than_decided_is_marked(ben_mini, decided, launched):
    receipt = receipt_of(decided)

    send(ben_mini, {**receipt, "launched": {**receipt["launched"], **launched}})

    assert Receipt.objects.get().is_mismatch


def test_nobody_sends_receipts_for_anothers_decision(chie_air, decided):
    response = send(chie_air, receipt_of(decided))

    assert (response.status_code, response.json()["code"]) == (400, "decision.not_yours")
    assert not Receipt.objects.exists()


def test_a_service_token_sends_no_receipts(service, decided):
    assert send(service, receipt_of(decided)).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "x"},
        {"kind": "finished"},
        {"at": "yesterday"},
        {"at": "2026-11-25T00:00:00"},
        {"at": "0001-01-01T00:00:00+14:00"},
        {"at": "9999-12-31T23:59:59-14:00"},
        {"launched": {"args_refused": ["--settings=/secret"]}},
        {"launched": {"prompt": "x"}},
        {"preflight": [{"check": "x"}]},
        {"decision": {"id": "1"}},
        {"decision": {"id": str(new_uuid7()), "request": {"task": 1}, "answer": {}}},
    ],
)
def test_what_is_outside_the_shape_stores_nothing(ben_mini, decided, changes):
    response = send(ben_mini, receipt_of(decided), receipt_of(decided, kind="end") | changes)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert not Receipt.objects.exists()


def test_a_refusal_that_is_no_code_is_refused(ben_mini, decided_offline):
    """It is told to everybody, in the weekly summary."""
    wild = receipt_of({**decided_offline, "refusal": {"code": "see http://x.example", "text": ""}})

    answer = send(ben_mini, wild)

    assert (answer.status_code, answer.json()["field"]) == (400, "receipts[0].decision.answer.refusal.code")


@pytest.mark.parametrize("key", ["context", "refusal", "privacy", "policy", "task", "reasons", "alternatives"])
@pytest.mark.parametrize("odd", ["x", 5, True, [None], {"total_tokens": []}, {"total_tokens": "many"}])
def test_an_answer_that_its_page_could_not_show_is_refused(ben_mini, decided_offline, key, odd):
    assert send(ben_mini, receipt_of({**decided_offline, key: odd})).status_code == 400
    assert not Decision.objects.filter(pk=decided_offline["id"]).exists()


def test_a_launch_that_differs_is_an_incident_of_its_mac_once(ben_mini, decided):
    launched = receipt_of(decided)["launched"] | {"backend": "cloud", "base_url_class": "anthropic"}
    for _ in range(2):
        send(ben_mini, receipt_of(decided, launched=launched))

    part = Part.objects.get()
    assert (part.kind, part.subject, part.label) == ("mismatch", decided["id"], "ben-mini")
    assert part.page == f"/decisions/{decided['id']}/"


def test_a_launch_as_decided_is_no_incident(ben_mini, decided):
    send(ben_mini, receipt_of(decided))

    assert not Part.objects.exists()


def test_a_batch_costs_the_same_for_one_decision_and_for_twenty(ben_mini, decided_offline, django_assert_num_queries):
    def batch_of(count: int) -> list[dict[str, Any]]:
        answers = [decided_offline | {"id": str(new_uuid7())} for _ in range(count)]
        return [receipt_of(answer, kind=kind) for answer in answers for kind in ("start", "end")]

    send(ben_mini, *batch_of(1))  # from then on the revision is compiled
    # Two of them stand for the transaction, within which the test runs already.
    with django_assert_num_queries(QUERIES_OF_A_BATCH):
        send(ben_mini, *batch_of(1))
    with django_assert_num_queries(QUERIES_OF_A_BATCH):
        send(ben_mini, *batch_of(20))


def test_of_several_times_in_one_batch_the_newest_is_kept(ben_mini, decided):
    times = ("2026-11-25T00:05:00Z", "2026-11-25T00:15:00Z", "2026-11-25T00:10:00Z")

    answer = send(ben_mini, *(receipt_of(decided, kind="alive", at=at) for at in times))

    assert answer.json() == {"stored": 1, "known": 2}
    assert Receipt.objects.get().at.minute == 15
