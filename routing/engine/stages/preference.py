"""Cloud, local or either: the task's row, then the first override whose condition holds entirely."""

from collections.abc import Iterator, Sequence

from ..answer import NearMiss, Reason, Stage
from ..facts import MachineFacts, MachineState, MemoryPressure
from ..named_tuple import NamedTuple
from ..policy.values import DayTime, Moment, Preference, When
from .feasibility import Candidate
from .work import Circumstances, Work

# With less than this of the allowance left, the cloud is under pressure.
LOW_QUOTA = 0.2
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Preferred(NamedTuple):
    """`side` is never `either` once `settle_either` has run."""

    side: Preference
    reasons: tuple[Reason, ...]
    near_misses: tuple[NearMiss, ...]


class Condition(NamedTuple):
    """One condition of an override against what is known. `holds` is None where the fact is unknown."""

    key: str
    wanted: str
    got: str
    holds: bool | None


def preferred_side(work: Work, facts: MachineFacts | None) -> Preferred:
    """What task and overrides prefer. An unknown fact makes an override not hold."""
    task = work.task
    reason = Reason(Stage.PREFERENCE, _TASK_CODES[task.preference], data={"task": task.id})
    near_misses: list[NearMiss] = []
    for override in work.overrides:
        conditions = list(_conditions(override.when, work, facts))
        failed = [condition for condition in conditions if not condition.holds]
        if not failed:
            applied = Reason(
                Stage.PREFERENCE, "override_applied", rule=override.id, data={"prefer": str(override.prefer)}
            )
            return Preferred(override.prefer, (reason, applied), tuple(near_misses))
        if len(failed) == 1:
            miss = failed[0]
            near_misses.append(NearMiss(rule=override.id, key=miss.key, wanted=miss.wanted, got=miss.got))
    return Preferred(task.preference, (reason,), tuple(near_misses))


def settle_either(
    preferred: Preferred, work: Work, facts: MachineFacts | None, candidates: Sequence[Candidate]
) -> Preferred:
    """Local when it is free of reservations, soon enough and worth it; otherwise the cloud."""
    if preferred.side is not Preference.EITHER:
        return preferred
    side, code, data = _either(work, facts, candidates)
    return preferred._replace(side=side, reasons=(*preferred.reasons, Reason(Stage.PREFERENCE, code, data=data)))


_TASK_CODES = {
    Preference.CLOUD: "task_prefers_cloud",
    Preference.LOCAL: "task_prefers_local",
    Preference.EITHER: "task_either",
}


def _either(
    work: Work, facts: MachineFacts | None, candidates: Sequence[Candidate]
) -> tuple[Preference, str, dict[str, object]]:
    free = [one for one in candidates if one.is_possible and not one.soft_limits]
    if not free:
        return Preference.CLOUD, "either_cloud_soft_limits", {}
    deadline_s = work.deadline_s
    if deadline_s is not None:
        waits = [one.wait_s for one in free if one.wait_s is not None]
        if not waits:
            return Preference.CLOUD, "either_cloud_speed_unknown", {}
        if min(waits) > deadline_s:
            data: dict[str, object] = {"first_token_s": min(waits), "deadline_s": deadline_s}
            return Preference.CLOUD, "either_cloud_slow", data
    # A cost-sensitive task saves the allowance always, any other when it runs out.
    quota_left = facts.state.cloud_quota_left if facts else None
    if work.task.axes.cost != "high" and not _is_pressed(quota_left):
        return Preference.CLOUD, "either_cloud_no_pressure", {}
    return Preference.LOCAL, "either_local", {}


def quota_that_counts(quota_left: float) -> float:
    """One figure for all that decide the same, where no override of the policy asks for it."""
    return 0.0 if _is_pressed(quota_left) else 1.0


def _is_pressed(quota_left: float | None) -> bool:
    return quota_left is not None and quota_left < LOW_QUOTA


def _conditions(when: When, work: Work, facts: MachineFacts | None) -> Iterator[Condition]:
    yield from _of_the_request(when, work)
    yield from _of_the_machine(when, facts.state if facts else MachineState(), work.circumstances)
    if when.time is not None:
        yield _time(when.time, work.circumstances.moment)


def _of_the_request(when: When, work: Work) -> Iterator[Condition]:
    if when.tasks:
        yield _is_one_of("tasks", when.tasks, work.task.id)
    if when.clients:
        yield _is_one_of("clients", when.clients, str(work.client.name) if work.client else None)
    if when.groups:
        yield _shares_one("groups", when.groups, work.circumstances.groups)
    if when.context_over_tokens is not None:
        wanted, total_tokens = when.context_over_tokens, work.total_tokens(work.profiles()[0])
        yield Condition("context_over_tokens", str(wanted), str(total_tokens), total_tokens > wanted)


def _of_the_machine(when: When, state: MachineState, circumstances: Circumstances) -> Iterator[Condition]:
    if when.machine_state:
        yield _is_one_of("machine_state", when.machine_state, circumstances.machine_state)
    if when.cloud_quota_below is not None:
        yield _below("cloud_quota_below", when.cloud_quota_below, state.cloud_quota_left)
    if when.cloud_available is not None:
        yield _equals("cloud_available", when.cloud_available, state.is_cloud_available)
    if when.on_battery is not None:
        yield _equals("on_battery", when.on_battery, state.is_on_battery)
    if when.low_power is not None:
        yield _equals("low_power", when.low_power, state.is_low_power)
    if when.memory_pressure_at_least is not None:
        yield _pressure(when.memory_pressure_at_least, state.memory_pressure)


def _is_one_of(key: str, wanted: Sequence[str], got: str | None) -> Condition:
    return Condition(key, ", ".join(wanted), got or "unknown", None if got is None else got in wanted)


def _shares_one(key: str, wanted: Sequence[str], got: tuple[str, ...] | None) -> Condition:
    words = "none" if got == () else _words(got)
    return Condition(key, ", ".join(wanted), words, None if got is None else not set(wanted).isdisjoint(got))


def _below(key: str, wanted: float, got: float | None) -> Condition:
    return Condition(key, _words(wanted), _words(got), None if got is None else got < wanted)


def _equals(key: str, wanted: bool, got: bool | None) -> Condition:
    return Condition(key, _words(wanted), _words(got), None if got is None else got == wanted)


def _pressure(wanted: str, got: MemoryPressure | None) -> Condition:
    levels = [str(level) for level in MemoryPressure]
    holds = None if got is None else levels.index(str(got)) >= levels.index(wanted)
    return Condition("memory_pressure_at_least", wanted, _words(got), holds)


def _time(wanted: DayTime, moment: Moment | None) -> Condition:
    words = f"{'/'.join(wanted.days)} {wanted.start // 60:02}:{wanted.start % 60:02}"
    if moment is None:
        return Condition("time", words, "unknown", None)
    minute, today, yesterday = moment.minute, _DAYS[moment.weekday], _DAYS[moment.weekday - 1]
    if wanted.start <= wanted.end:
        holds = wanted.start <= minute < wanted.end and today in wanted.days
    else:  # over midnight: the small hours belong to the day before
        is_evening = minute >= wanted.start and today in wanted.days
        holds = is_evening or (minute < wanted.end and yesterday in wanted.days)
    return Condition("time", words, f"{today} {minute // 60:02}:{minute % 60:02}", holds)


def _words(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
