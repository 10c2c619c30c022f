"""Storing receipts: the agent's decision enters the log, is decided again here, and differences are marked."""

import uuid
from datetime import datetime
from functools import cache
from typing import Protocol

from django.db import transaction
from django.urls import reverse

from machines.models import Machine
from portal.common import clock
from portal.common.problems import Problem
from portal.incidents.kinds import IncidentKind
from portal.incidents.services import Subject, begin
from routing.bundles import find_bundle_of_revision
from routing.engine.bundle_value import Bundle
from routing.engine.decide import decide_privacy
from routing.engine.facts import Situation
from routing.models import Decision, Receipt
from routing.receipts import ReceiptReport
from routing.services import columns_of, columns_of_request

Recheck = Decision.Recheck
type Decisions = dict[uuid.UUID, Decision]


class FindBundle(Protocol):
    def __call__(self, number: int, *, epoch: int | None) -> Bundle | None: ...


@transaction.atomic
def accept_receipts(*, receipts: tuple[ReceiptReport, ...], machine: Machine) -> dict[str, int]:
    """Counts of stored and already known receipts. All or nothing; sending a batch twice stores it once.

    The count of queries does not grow with the batch, only with the revisions that it names.
    """
    now = clock.now()
    # A batch that is sent again while the first is being stored waits for it, and finds everything there.
    Machine.objects.select_for_update(no_key=True).filter(pk=machine.pk).values_list("pk").first()
    decisions = _find_or_log(receipts, machine=machine, now=now)
    fresh = _store(receipts, decisions=decisions, now=now)
    differing = [one.decision for one in fresh if one.is_mismatch or one.decision.recheck == Recheck.MISMATCH]
    if differing:
        subjects = [_subject_of(decision, machine) for decision in differing]
        begin(kind=IncidentKind.MISMATCH, subjects=subjects, at=now)
    return {"stored": len(fresh), "known": len(receipts) - len(fresh)}


def _find_or_log(receipts: tuple[ReceiptReport, ...], *, machine: Machine, now: datetime) -> Decisions:
    """The decision of each receipt. Those that are not in the log yet enter it."""
    columns = Decision.objects.only("machine_id", "backend", "recheck")
    decisions = columns.in_bulk({receipt.decision_id for receipt in receipts})
    # 400 and not 403: the agent puts such a receipt aside and goes on with the rest of its spool.
    if any(decision.machine_id != machine.pk for decision in decisions.values()):
        raise Problem(400, "decision.not_yours", "This decision belongs to another machine.", "receipts")
    # The first receipt of a decision tells it.
    unknown = {receipt.decision_id: receipt for receipt in reversed(receipts) if receipt.decision_id not in decisions}
    bundle_of = cache(find_bundle_of_revision)
    fresh = [_decision_of(receipt, machine=machine, now=now, bundle_of=bundle_of) for receipt in unknown.values()]
    Decision.objects.bulk_create(fresh)
    return decisions | {decision.pk: decision for decision in fresh}


def _store(receipts: tuple[ReceiptReport, ...], *, decisions: Decisions, now: datetime) -> list[Receipt]:
    """The receipts that are new."""
    stored = Receipt.objects.filter(decision__in=list(decisions)).only("decision_id", "kind", "at")
    known = {(one.decision_id, one.kind): one for one in stored}
    fresh: list[Receipt] = []
    moved: list[Receipt] = []
    for receipt in receipts:
        key = (receipt.decision_id, receipt.kind)
        if key not in known:
            known[key] = _receipt_of(receipt, decision=decisions[receipt.decision_id], now=now)
            fresh.append(known[key])
        elif receipt.kind == Receipt.Kind.ALIVE and receipt.at > known[key].at:
            # A session that goes on tells so again and again; the newest is what one wants to know.
            known[key].at, known[key].received_at = receipt.at, now
            moved.append(known[key])
    Receipt.objects.bulk_update([one for one in moved if one.pk is not None], ["at", "received_at"])
    Receipt.objects.bulk_create(fresh)
    return fresh


def _subject_of(decision: Decision, machine: Machine) -> Subject:
    page = reverse("routing:decision", args=[decision.pk])
    return Subject(id=decision.public_id, label=machine.name, page=page, owner_id=machine.owner_id)


def _decision_of(receipt: ReceiptReport, *, machine: Machine, now: datetime, bundle_of: FindBundle) -> Decision:
    return Decision(
        id=receipt.decision_id,
        # The agent's clock may be wrong, but nothing was decided after it was received.
        at=min(receipt.at, now),
        decided_by=Decision.DecidedBy.AGENT,
        machine=machine,
        token_id=machine.token.public_id if machine.token else "",
        **columns_of_request(receipt.request),
        recheck=_recheck(receipt, bundle_of),
        **columns_of(receipt.answer),
    )


def _receipt_of(receipt: ReceiptReport, *, decision: Decision, now: datetime) -> Receipt:
    return Receipt(
        decision=decision,
        kind=receipt.kind,
        at=receipt.at,
        received_at=now,
        launched=receipt.launched,
        exit_code=receipt.exit_code,
        preflight=receipt.preflight,
        guard=receipt.guard,
        is_mismatch=_is_mismatch(decision, receipt),
    )


def _recheck(receipt: ReceiptReport, bundle_of: FindBundle) -> str:
    """Decide again under the named revision.

    Only the privacy stage is compared: it follows from request and policy alone. The choice behind it
    follows from facts of that moment, of which only a digest came.
    """
    policy = receipt.answer["policy"]
    bundle = bundle_of(policy["revision"], epoch=receipt.policy_epoch)
    if bundle is None:
        return Recheck.NOT_POSSIBLE
    # An old policy closes more than a fresh one, so an agent that says so without need opens nothing.
    situation = Situation(now=receipt.at, policy_state="expired" if policy.get("state") == "expired" else "fresh")
    again = decide_privacy(receipt.request, bundle=bundle, situation=situation)
    said = receipt.answer["privacy"]
    is_same = said["effect"] == again.effect and said["rules"] == list(again.rules)
    is_permitted = receipt.answer["backend"] != "cloud" or not again.effect.is_restricting
    return Recheck.SAME if is_same and is_permitted else Recheck.MISMATCH


def _is_mismatch(decision: Decision, receipt: ReceiptReport) -> bool:
    """The launch is not what was decided. A launch that says nothing of its backend is none to compare."""
    launched = receipt.launched or {}
    if launched.get("backend") and launched["backend"] != decision.backend:
        return True
    return decision.backend == "local" and launched.get("base_url_class") in ("anthropic", "other")
