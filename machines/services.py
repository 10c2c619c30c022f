"""What agents tell of their machine, and what people do with it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from django.db import transaction

from machines.catalogue.fleet import judge_run
from machines.catalogue.queries import current_catalogue
from machines.enrolment import MACHINE_TOKEN_LIFETIME
from machines.health import buffer
from machines.health.availability import count_report
from machines.health.choices import MachineState
from machines.health.evaluating import evaluate_one
from machines.health.polling.targets import note_targets
from machines.health.receiving import Message, receive_now
from machines.models import Benchmark, InstalledModel, Machine, Runtime
from machines.rate import refuse_crowd
from portal.accounts.access import lock_account
from portal.accounts.models import User
from portal.accounts.tokens import extend_token
from portal.audit.services import record
from portal.common import clock
from portal.common.problems import Problem
from routing.engine import facts
from routing.engine.fit.catalogue import Catalogue
from routing.engine.reading.messages import Origin

BENCHMARKS_KEPT = 500
MODELS_OF_A_MACHINE = 1_000
# Times of agents are bounded by it: an age before the project is no time that a clock showed.
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)


@transaction.atomic
def accept_report(
    *, machine: Machine, report: facts.Report, document: dict[str, object], interval_s: float | None = None
) -> bool:
    """Replace what is known of the machine. False: an older report came late, or one came twice.

    `document` is what `report` was parsed from; `interval_s` is when the agent is told to be heard of again.
    Raises Problem 400 for two runtimes or models with one identity, and for more models than anybody has.
    """
    _refuse_duplicates(report)
    _refuse_too_many(report)
    now = clock.now()
    collected_at = _bounded(report.collected_at, now)
    follows = _follows(machine, report.origin)
    if not receive_now(machine.health, _message_of(report, document, at=now, interval_s=interval_s)):
        return False
    # The health row is locked until the end, so no other report of this machine comes between.
    newer = Machine.objects.filter(pk=machine.pk)
    had = newer.values_list("report__runtimes", flat=True).get()
    if not follows:
        newer = newer.exclude(collected_at__gt=collected_at)
    hardware = cast("dict[str, object]", document["hardware"])
    columns = {name: hardware.get(name) for name in facts.Hardware._fields}
    if not newer.update(
        **columns,
        agent_version=report.agent_version,
        # The token by which the agent may be polled is no part of what is kept and shown.
        report={key: value for key, value in document.items() if key != "poll"},
        collected_at=collected_at,
        reported_at=now,
    ):
        evaluate_one(machine, now=now)
        return False
    if had != document.get("runtimes"):
        _replace_inventory(machine, report.runtimes)
    note_targets(machine, report, now=now)
    count_report(machine, report, now=now)
    evaluate_one(machine, now=now)
    if machine.token is not None:
        extend_token(machine.token, until=now + MACHINE_TOKEN_LIFETIME)
    return True


def refuse_crowd_of_reports(*, machine: Machine) -> None:
    """Where too many come at once: it is heard all the same, and nobody takes it for gone. Raises Problem 429."""
    try:
        refuse_crowd()
    except Problem:
        accept_heartbeat(machine=machine, situation=None)
        raise


def accept_heartbeat(
    *,
    machine: Machine,
    situation: dict[str, Any] | None,
    origin: Origin | None = None,
    announcement: str | None = None,
    interval_s: float | None = None,
) -> None:
    """No row: one entry in Valkey, or one update. `situation` is the `state` part of a report; None leaves the last."""
    message = Message(
        at=clock.now(), origin=origin, announcement=announcement, situation=situation, interval_s=interval_s
    )
    if announcement is not None:
        # Rare, and people look at once: a Mac that was closed is asleep now, not in ten seconds.
        _accept_announcement(machine, message)
    elif not buffer.keep(machine.pk, message):
        receive_now(machine.health, message)


@transaction.atomic
def _accept_announcement(machine: Machine, message: Message) -> None:
    if receive_now(machine.health, message):
        evaluate_one(machine, now=message.at)


@transaction.atomic
def accept_benchmarks(*, machine: Machine, benchmarks: Sequence[facts.Benchmark]) -> int:
    """How many were taken; those that were stored before count too, so that sending again is harmless."""
    now, catalogue = clock.now(), current_catalogue()
    rows = [_benchmark_row(machine, one, now, catalogue) for one in benchmarks]
    Benchmark.objects.bulk_create(rows, ignore_conflicts=True)
    kept = machine.benchmarks.values("pk")[:BENCHMARKS_KEPT]
    machine.benchmarks.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
    receive_now(machine.health, Message(at=now))
    return len(benchmarks)


@transaction.atomic
def adopt_machine(*, machine: Machine, by: User) -> bool:
    """Become the owner of a machine that has none. False when somebody was faster.

    Raises PermissionDenied when their account was just closed.
    """
    lock_account(by)
    if not Machine.objects.filter(pk=machine.pk, owner=None).exclude(state=MachineState.RETIRED).update(owner=by):
        return False
    record(by=by, action="machine.adopted", subject=machine, data={"name": machine.name})
    return True


def _message_of(
    report: facts.Report, document: dict[str, object], *, at: datetime, interval_s: float | None
) -> Message:
    return Message(
        at=at,
        origin=report.origin,
        situation=cast("dict[str, Any] | None", document.get("state")),
        interval_s=interval_s,
        is_report=True,
        is_broken=any(runtime.state is facts.RuntimeState.BROKEN for runtime in report.runtimes),
    )


def _follows(machine: Machine, origin: Origin | None) -> bool:
    """Of the start that was heard last: its numbers tell the order, also when its clock was set back."""
    boots = machine.health.boots
    return origin is not None and bool(boots) and boots[0]["id"] == origin.boot_id


def _bounded(time: datetime, now: datetime) -> datetime:
    """A clock that runs ahead must not keep later reports out once it is set right."""
    return min(max(time, _EARLIEST), now)


def _refuse_duplicates(report: facts.Report) -> None:
    _refuse_second((runtime.base_url for runtime in report.runtimes), "runtimes[{}].base_url")
    for index, runtime in enumerate(report.runtimes):
        names = ((model.name, model.quantization or "") for model in runtime.models)
        _refuse_second(names, f"runtimes[{index}].models[{{}}].name")


def _refuse_too_many(report: facts.Report) -> None:
    """Each is a row, and a line of the machine's page."""
    count = sum(len(runtime.models) for runtime in report.runtimes)
    if count > MODELS_OF_A_MACHINE:
        detail = f"The report names {count} models; at most {MODELS_OF_A_MACHINE} are taken."
        raise Problem(400, "report.too_many_models", detail, "runtimes")


def _refuse_second(identities: Iterable[object], field: str) -> None:
    seen: set[object] = set()
    for index, identity in enumerate(identities):
        if identity in seen:
            raise Problem(400, "report.duplicate", "This entry is in the report twice.", field.format(index))
        seen.add(identity)


def _replace_inventory(machine: Machine, runtimes: Sequence[facts.RuntimeFacts]) -> None:
    machine.runtimes.all().delete()
    rows = Runtime.objects.bulk_create(_runtime_row(machine, runtime) for runtime in runtimes)
    InstalledModel.objects.bulk_create(
        _model_row(row, model) for row, runtime in zip(rows, runtimes, strict=True) for model in runtime.models
    )


def _runtime_row(machine: Machine, runtime: facts.RuntimeFacts) -> Runtime:
    return Runtime(
        machine=machine,
        kind=str(runtime.kind),
        version=runtime.version,
        base_url=runtime.base_url,
        state=str(runtime.state),
        reason=runtime.reason,
        messages_api=runtime.has_messages_api,
    )


def _model_row(runtime: Runtime, model: facts.ModelFacts) -> InstalledModel:
    return InstalledModel(
        runtime=runtime,
        name=model.name,
        quantization=model.quantization,
        format=model.format,
        size_bytes=model.size_bytes,
        parameters=model.parameters,
        loaded=model.is_loaded,
        effective_context_tokens=model.effective_context_tokens,
        max_context_tokens=model.max_context_tokens,
        memory_bytes=model.memory_bytes,
        remote=model.is_remote,
        tools=model.has_tools,
        vision=model.has_vision,
    )


def _benchmark_row(machine: Machine, benchmark: facts.Benchmark, now: datetime, catalogue: Catalogue) -> Benchmark:
    return Benchmark(
        machine=machine,
        runtime=str(benchmark.runtime),
        runtime_version=benchmark.runtime_version,
        model=benchmark.model,
        quantization=benchmark.quantization,
        depth_tokens=benchmark.depth_tokens,
        prompt_tokens_per_s=benchmark.prompt_tokens_per_s,
        decode_tokens_per_s=benchmark.decode_tokens_per_s,
        first_token_s=benchmark.first_token_s,
        runs=benchmark.runs,
        method=benchmark.method,
        prompt_spread=benchmark.prompt_spread,
        decode_spread=benchmark.decode_spread,
        memory_pressure=benchmark.memory_pressure,
        on_battery=benchmark.is_on_battery,
        low_power=benchmark.is_low_power,
        measured_at=_bounded(benchmark.measured_at, now),
        received_at=now,
        set_aside=judge_run(machine, benchmark, catalogue),
    )
