"""Task categories, overrides and cases of a policy document."""

from collections.abc import Sequence

from ..effects import Effect
from ..reading.shapes import ObjectReader
from ..wire import NEEDS, read_projects
from .field_reading import read_local_text, read_slug
from .values import AXES, LEVELS, Axes, DayTime, Override, PolicyCase, Preference, TaskCategory, Tier, When

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def read_task(reader: ObjectReader) -> TaskCategory:
    floor = reader.optional_choice("floor", tuple(Effect))
    axes = reader.reader("axes")
    task = TaskCategory(
        id=read_slug(reader),
        label=read_local_text(reader, "label"),
        preference=Preference(reader.choice("preference", tuple(Preference))),
        floor=Effect(floor) if floor else None,
        implies_offline=reader.boolean("implies_offline", default=False),
        axes=Axes(**{axis: axes.choice(axis, LEVELS, "medium") for axis in AXES}),
        needs=reader.texts("needs", [], high=len(NEEDS), max_length=20),
        min_quality=Tier(reader.choice("min_quality", tuple(Tier), Tier.BASIC)),
        parallel_agents=reader.integer("parallel_agents", 1, low=1, high=1000),
        is_retired=reader.boolean("retired", default=False),
        reason=read_local_text(reader, "reason"),
    )
    for index, need in enumerate(task.needs):
        if need not in NEEDS:
            reader.wrong(f"{reader.at('needs')}[{index}]", found=need, allowed=", ".join(NEEDS))
    axes.close()
    reader.close()
    return task


def read_override(reader: ObjectReader, slugs: Sequence[str]) -> Override:
    when = reader.reader("when")
    override = Override(
        id=read_slug(reader),
        when=_read_when(when, slugs),
        prefer=Preference(reader.choice("prefer", tuple(Preference))),
    )
    reader.close()
    return override


def _read_when(reader: ObjectReader, slugs: Sequence[str]) -> When:
    time = None if reader.take("time", None) is None else _read_day_time(reader.reader("time"))
    when = When(
        tasks=reader.texts("tasks", [], high=500, max_length=64),
        groups=reader.texts("groups", [], high=500, max_length=120),
        clients=reader.texts("clients", [], high=20, max_length=40),
        cloud_quota_below=reader.optional_number("cloud_quota_below", high=1),
        cloud_available=reader.optional_boolean("cloud_available"),
        on_battery=reader.optional_boolean("on_battery"),
        low_power=reader.optional_boolean("low_power"),
        memory_pressure_at_least=reader.optional_choice("memory_pressure_at_least", ("normal", "warning", "critical")),
        machine_state=reader.texts("machine_state", [], high=20, max_length=40),
        context_over_tokens=reader.optional_integer("context_over_tokens"),
        time=time,
    )
    if when == When():
        reader.wrong(reader.path, found="no condition", allowed="at least one condition")
    for index, slug in enumerate(when.tasks):
        if slug not in slugs:
            reader.wrong(f"{reader.at('tasks')}[{index}]", found=slug, allowed=", ".join(slugs))
    reader.close()
    return when


def _read_day_time(reader: ObjectReader) -> DayTime:
    day_time = DayTime(
        start=_minutes(reader, "from"),
        end=_minutes(reader, "to"),
        days=tuple(reader.texts("days", list(_DAYS), high=7, max_length=3)),
    )
    if not set(day_time.days) <= set(_DAYS):
        reader.wrong(reader.at("days"), found=", ".join(day_time.days), allowed=", ".join(_DAYS))
    reader.close()
    return day_time


def _minutes(reader: ObjectReader, key: str) -> int:
    found = reader.text(key, max_length=5)
    hours, colon, minutes = found.partition(":")
    if colon and hours.isdecimal() and minutes.isdecimal() and int(hours) < 24 and int(minutes) < 60:
        return int(hours) * 60 + int(minutes)
    if found:
        reader.wrong(reader.at(key), found=found, allowed="a time such as 09:30")
    return 0


def read_case(reader: ObjectReader, slugs: Sequence[str]) -> PolicyCase:
    expect = reader.reader("expect")
    given = [key for key in ("backend", "not", "effect", "reason") if expect.has(key)]
    if len(given) != 1:
        expect.wrong(expect.path, found=", ".join(given) or "nothing", allowed="one of backend, not, effect, reason")
    key = given[0] if given else "backend"
    allowed = {"backend": ("cloud", "local", "none"), "not": ("cloud", "local", "none"), "effect": tuple(Effect)}
    value = expect.choice(key, allowed[key]) if key in allowed else expect.text(key, max_length=80)
    has_projects = reader.take("projects", None) is not None
    case = PolicyCase(
        name=reader.text("name"),
        task=reader.choice("task", slugs),
        projects=read_projects(reader) if has_projects else None,
        machine=reader.choice("machine", ("capable", "none"), "capable"),
        is_offline=reader.boolean("offline", default=False),
        expect=(key, value),
    )
    expect.close()
    reader.close()
    return case
