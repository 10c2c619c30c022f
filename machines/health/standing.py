"""What people decide on machines: quarantine, release, revoke; one or many. And what a clone brings on by itself."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from machines.health.choices import MachineState, QuarantineReason
from machines.health.evaluating import evaluate_one
from machines.health.incidents import note_state_changes
from machines.health.models import Health, StateChange
from machines.models import Machine
from machines.token_rotation import revoke_tokens_of
from portal.accounts.models import User
from portal.audit.services import record
from portal.common import clock


def can_manage(machine: Machine, person: User) -> bool:
    return not machine.is_retired and (person.is_admin or machine.owner_id == person.pk)


RETIRED_AT_ONCE = 500
# A decision counts as a message: one that is being taken in meanwhile reads the row again and writes nothing old back.
_ONE_MORE = F("messages") + 1


@transaction.atomic
def revoke_machine(*, machine: Machine, by: User | None) -> bool:
    """The token is refused from the next request on; the machine stays in the records as retired.

    False: it was retired before.
    """
    now = clock.now()
    before = machine.state
    # In the order in which a report writes: two that lock rows in different orders may wait for each other.
    Health.objects.filter(pk=machine.pk).update(due_at=None, messages=_ONE_MORE)
    current = Machine.objects.filter(~Q(state=MachineState.RETIRED), pk=machine.pk)
    is_news = current.update(state=MachineState.RETIRED, state_since=now)
    revoke_tokens_of(machine, by=by)
    if not is_news:
        return False
    machine.poll_targets.all().delete()
    change = StateChange.objects.create(machine=machine, at=now, before=before, after=MachineState.RETIRED)
    note_state_changes([change])
    record(by=by, action="machine.revoked", subject=machine, data={"name": machine.name})
    return True


@transaction.atomic
def revoke_machines_of(person: User, *, by: User) -> int:
    """How many it were."""
    machines = list(Machine.objects.in_use_by(person).select_related("token").order_by("pk"))
    # First the rows of all, in the order of a batch of messages: else a message of the second machine might wait for an
    # incident that revoking the first has locked, and this for the message.
    list(
        Health.objects.select_for_update().filter(pk__in=[one.pk for one in machines]).order_by("pk").values_list("pk")
    )
    return sum(revoke_machine(machine=machine, by=by) for machine in machines)


def retire_silent(*, now: datetime, after_days: int) -> int:
    """Macs that were not heard for so long, or enrolled and never heard. Returns how many were retired."""
    before = now - timedelta(days=after_days)
    gone = Q(state=MachineState.MISSING, health__seen_at__lt=before)
    never_there = Q(state=MachineState.PENDING, health__seen_at=None, created_at__lt=before)
    silent = Machine.objects.filter(gone | never_there).select_related("token", "health")
    return sum(revoke_machine(machine=machine, by=None) for machine in silent[:RETIRED_AT_ONCE])


@transaction.atomic
def quarantine_machine(*, machine: Machine, by: User) -> bool:
    """It keeps reporting and gets local answers only. False: it was in quarantine already."""
    return _set_quarantine(machine, by=by, reason=QuarantineReason.PERSON, action="machine.quarantined")


@transaction.atomic
def release_machine(*, machine: Machine, by: User) -> bool:
    """False: it was in no quarantine. What led to it is forgotten, so that it counts anew."""
    return _set_quarantine(machine, by=by, reason=None, action="machine.released")


def _set_quarantine(machine: Machine, *, by: User, reason: QuarantineReason | None, action: str) -> bool:
    rows = Health.objects.filter(pk=machine.pk)
    rows = rows.filter(quarantine="") if reason else rows.exclude(quarantine="")
    # The starts that took turns are forgotten: should they go on, that is seen again.
    forgotten: dict[str, Any] = {} if reason else {"boots": []}
    if machine.is_retired or not rows.update(quarantine=reason or "", messages=_ONE_MORE, **forgotten):
        return False
    evaluate_one(machine, now=clock.now())
    record(by=by, action=action, subject=machine, data={"name": machine.name})
    return True


ACTIONS: dict[str, Callable[..., bool]] = {
    "quarantine": quarantine_machine,
    "release": release_machine,
    "revoke": revoke_machine,
}


def act_on_many(*, machines: Iterable[Machine], action: str, by: User) -> int:
    """How many changed. Each machine is a transaction of its own; those that the person may not manage stay."""
    act = ACTIONS[action]
    return sum(act(machine=machine, by=by) for machine in machines if can_manage(machine, by))
