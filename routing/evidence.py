"""Storing receipts: the agent's decision enters the log, is decided again here, and differences are marked."""

from datetime import datetime

from django.db import transaction
from django.urls import reverse

from machines.models import Machine
from portal.common import clock
from portal.common.problems import Problem
from portal.incidents.kinds import IncidentKind
from portal.incidents.services import Subject, begin
from routing.bundles import find_bundle_of_revision
from routing.engine.decide import decide_privacy
from routing.engine.facts import Situation
from routing.models import Decision, Receipt
from routing.receipts import ReceiptReport
from routing.services import columns_of, columns_of_request

Recheck = Decision.Recheck


@transaction.atomic
def accept_receipts(*, receipts: tuple[ReceiptReport, ...], machine: Machine) -> dict[str, int]:
    """Counts of stored and already known receipts. All or nothing; sending a batch twice stores it once."""
    now = clock.now()
    stored = sum(_accept(receipt, machine=machine, now=now) for receipt in receipts)
    return {"stored": stored, "known": len(receipts) - stored}


def _accept(receipt: ReceiptReport, *, machine: Machine, now: datetime) -> bool:
    decision = Decision.objects.filter(pk=receipt.decision_id).first() or _log(receipt, machine=machine, now=now)
    # 400 and not 403: the agent puts such a receipt aside and goes on with the rest of its spool.
    if decision.machine_id != machine.pk:
        raise Problem(400, "decision.not_yours", "This decision belongs to another machine.", "receipts")
    stored, is_new = Receipt.objects.get_or_create(
        decision=decision,
        kind=receipt.kind,
        defaults={
            "at": receipt.at,
            "launched": receipt.launched,
            "exit_code": receipt.exit_code,
            "preflight": receipt.preflight,
            "guard": receipt.guard,
            "is_mismatch": _is_mismatch(decision, receipt),
        },
    )
    if is_new and (stored.is_mismatch or decision.recheck == Recheck.MISMATCH):
        _begin_incident(decision, machine, now=now)
    if not is_new and receipt.kind == Receipt.Kind.ALIVE and receipt.at > stored.at:
        # A session that goes on tells so again and again; the newest is what one wants to know.
        stored.at, stored.received_at = receipt.at, now
        stored.save(update_fields=["at", "received_at"])
    return is_new


def _begin_incident(decision: Decision, machine: Machine, *, now: datetime) -> None:
    page = reverse("routing:decision", args=[decision.pk])
    subject = Subject(id=decision.public_id, label=machine.name, page=page, owner_id=machine.owner_id)
    begin(kind=IncidentKind.MISMATCH, subjects=[subject], at=now)


def _log(receipt: ReceiptReport, *, machine: Machine, now: datetime) -> Decision:
    return Decision.objects.create(
        id=receipt.decision_id,
        # The agent's clock may be wrong, but nothing was decided after it was received.
        at=min(receipt.at, now),
        decided_by=Decision.DecidedBy.AGENT,
        machine=machine,
        token_id=machine.token.public_id if machine.token else "",
        **columns_of_request(receipt.request),
        recheck=_recheck(receipt),
        **columns_of(receipt.answer),
    )


def _recheck(receipt: ReceiptReport) -> str:
    """Decide again under the named revision.

    Only the privacy stage is compared: it follows from request and policy alone. The choice behind it
    follows from facts of that moment, of which only a digest came.
    """
    policy = receipt.answer["policy"]
    bundle = find_bundle_of_revision(policy["revision"], epoch=receipt.policy_epoch)
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
