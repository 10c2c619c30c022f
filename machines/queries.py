"""Reads of machines for people, for programs and for the engine."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.shortcuts import get_object_or_404

from machines.enrolment import EnrolmentOverError
from machines.health.pace import is_report_due
from machines.models import Benchmark, Enrolment, EnrolmentState, Machine, MachineQuerySet
from machines.wire import heartbeat_from_document
from portal.accounts.models import ApiToken, TokenKind, User
from portal.common import clock
from portal.common.problems import Problem
from routing.engine import facts
from routing.engine.errors import WireError

# The engine compares models by their newest runs; older ones are history.
BENCHMARKS_FOR_FACTS = 50
BENCHMARKS_SHOWN = 50


@dataclass(frozen=True)
class StoredFacts:
    """`age_s` by the portal's clock, from when the report came in."""

    facts: facts.MachineFacts | None
    age_s: int | None


def list_visible_machines(user: User) -> MachineQuerySet:
    return Machine.objects.select_related("health").visible_to(user)


def list_machines_in_use_by(person: User) -> MachineQuerySet:
    return Machine.objects.in_use_by(person)


def list_all_machines() -> MachineQuerySet:
    """For service tokens with the scope to read: they see the whole team."""
    return Machine.objects.select_related("owner", "health")


def get_visible_machine(user: User, public_id: str) -> Machine:
    """Raises Http404 for a machine that is not there and for one that is not theirs to see alike."""
    return get_object_or_404(list_visible_machines(user).with_inventory(), public_id=public_id)


def get_machine_of(token: ApiToken) -> Machine:
    """The one machine that a machine token writes for. Raises Problem 403."""
    return _get_machine(token, among=Machine.objects.all())


def get_machine_for_heartbeat(token: ApiToken) -> Machine:
    """As above without its last report: reading that costs more than all the rest of a heartbeat."""
    return _get_machine(token, among=Machine.objects.defer("report"))


def find_machine_of(token: ApiToken) -> Machine | None:
    """None for a service's token alone: one of a machine speaks for that machine or, with Problem 403, for none."""
    return get_machine_of(token) if token.kind == TokenKind.MACHINE else None


def _get_machine(token: ApiToken, *, among: MachineQuerySet) -> Machine:
    machine = _look_up(token, among.select_related("health"))
    if machine is None or machine.is_retired:
        raise Problem(403, "token.no_machine", "This token belongs to no machine. Enrol the machine again.")
    return machine


def _look_up(token: ApiToken, machines: MachineQuerySet) -> Machine | None:
    """By its token, and while that is being replaced by the one before and the one after it too."""
    machine = machines.filter(token=token).first()
    if machine is not None:
        machine.token = token
        return machine
    lineage = Q(token__replaces=token) | Q(token=token.replaces_id) if token.replaces_id else Q(token__replaces=token)
    return machines.select_related("token").filter(lineage).first()


def get_waiting_enrolment(public_id: str) -> Enrolment:
    """Raises EnrolmentOverError when it is decided, expired or was never there."""
    waiting = Enrolment.objects.filter(state=EnrolmentState.PENDING, expires_at__gt=clock.now())
    found = waiting.filter(public_id=public_id).first()
    if found is None:
        raise EnrolmentOverError
    return found


def is_report_wanted(machine: Machine, *, now: datetime) -> bool:
    return is_report_due(machine.reported_at, now=now)


def find_facts(machine: Machine) -> StoredFacts:
    """What the engine may know of the machine. One query, for the benchmarks."""
    if machine.report is None or machine.reported_at is None:
        return StoredFacts(facts=None, age_s=None)
    try:
        report = facts.report_from_document(machine.report)
    except WireError:
        # Taken by an earlier version that was less strict. The next report is not far.
        return StoredFacts(facts=None, age_s=None)
    if machine.situation is not None:
        report = report._replace(state=heartbeat_from_document({"state": machine.situation}).state or report.state)
    rows = machine.benchmarks.all()[:BENCHMARKS_FOR_FACTS]
    known = facts.facts_of(report, [benchmark_facts(row) for row in rows], machine=machine.public_id)
    age_s = int((clock.now() - machine.reported_at).total_seconds())
    return StoredFacts(facts=known, age_s=max(0, age_s))


def benchmark_facts(row: Benchmark) -> facts.Benchmark:
    return facts.Benchmark(
        runtime=facts.RuntimeKind(row.runtime),
        runtime_version=row.runtime_version,
        model=row.model,
        quantization=row.quantization,
        depth_tokens=row.depth_tokens,
        prompt_tokens_per_s=row.prompt_tokens_per_s,
        decode_tokens_per_s=row.decode_tokens_per_s,
        first_token_s=row.first_token_s,
        runs=row.runs,
        method=row.method,
        measured_at=row.measured_at,
        prompt_spread=row.prompt_spread,
        decode_spread=row.decode_spread,
        memory_pressure=facts.MemoryPressure(row.memory_pressure) if row.memory_pressure else None,
        is_on_battery=row.on_battery,
        is_low_power=row.low_power,
    )
