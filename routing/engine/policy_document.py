"""A policy document (parsed JSON or YAML) to a `Policy` and back. Every problem is found in one pass.

A section that is left out has its shipped value; tasks merge by id over the shipped rows.
Documents of a bundle are read leniently: a rule that this engine does not understand restricts everything.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import cast

from .effects import Effect, is_stricter
from .errors import PolicyErrors
from .globs import is_all_wildcards
from .identity import normalise_pattern
from .policy import (
    AXES,
    LEVELS,
    NO_TEXT,
    SIGNAL_KEYS,
    Axes,
    DayTime,
    Limits,
    LocalText,
    Match,
    ModelRules,
    OnBattery,
    Override,
    Policy,
    PolicyCase,
    Preference,
    PrivacyException,
    PrivacyRule,
    TaskCategory,
    Tier,
    When,
)
from .policy_text import policy_document
from .shapes import ObjectReader, Problems, read_whole
from .wire import NEEDS, read_projects

__all__ = ["parse_policy", "policy_document"]

POLICY_VERSION = 1
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MANY = 20_000
LOOSENING_KEYS = ("remotes",)
_HEX = frozenset("0123456789abcdef")
# Never part of a normal form; brackets and braces are somebody's hope for a regular expression.
_FOREIGN = frozenset(":@\\?#[]{}|")
_SECTIONS = (
    "organisation", "unclassified", "default_task", "limits", "models", "privacy_rules", "exceptions",
    "tasks", "overrides", "cases",
)  # fmt: skip


def parse_policy(document: object, *, shipped: Mapping[str, object], is_lenient: bool = False) -> Policy:
    """The policy that the document holds over the shipped one. Raises PolicyErrors with every problem."""
    merged = _over_shipped(document, shipped)
    policy, problems = read_whole(merged, lambda reader: _read_policy(reader, is_lenient=is_lenient))
    if problems:
        raise PolicyErrors(tuple(problems))
    return policy


def _over_shipped(document: object, shipped: Mapping[str, object]) -> object:
    if not isinstance(document, dict):
        return document
    merged = {key: document.get(key, shipped.get(key)) for key in _SECTIONS}
    merged.update(document)
    for section in ("organisation", "unclassified", "limits", "models"):
        given, base = document.get(section), shipped.get(section)
        if isinstance(given, dict) and isinstance(base, dict):
            merged[section] = base | given
    merged["tasks"] = _merge_tasks(document.get("tasks"), cast("Sequence[object]", shipped.get("tasks", [])))
    return merged


def _merge_tasks(given: object, shipped: Sequence[object]) -> object:
    """Shipped rows in their order with the given keys over them, then the new rows; twice the same id is kept twice."""
    if given is None or not isinstance(given, list):
        return list(shipped) if given is None else given
    changes = {row["id"]: row for row in given if isinstance(row, dict) and isinstance(row.get("id"), str)}
    known = [row["id"] for row in shipped if isinstance(row, dict)]
    rows: list[object] = []
    for row in shipped:
        change = changes.get(cast("dict[str, str]", row)["id"], {})
        rows.append(_over_row(cast("dict[str, object]", row), change))
    first_seen: list[object] = []
    for row in given:
        slug = row.get("id") if isinstance(row, dict) else None
        if slug not in known or slug in first_seen:
            rows.append(row)
        else:
            first_seen.append(slug)
    return rows


def _over_row(row: dict[str, object], change: dict[str, object]) -> dict[str, object]:
    merged = row | change
    for key in ("axes", "label", "reason"):
        base, given = row.get(key), change.get(key)
        if isinstance(base, dict) and isinstance(given, dict):
            merged[key] = base | given
    return merged


def _read_policy(reader: ObjectReader, *, is_lenient: bool) -> Policy:
    if reader.integer("version") != POLICY_VERSION and reader.has("version"):
        reader.wrong("version", found=reader.take("version"), allowed=str(POLICY_VERSION))
    organisation, unclassified = reader.reader("organisation"), reader.reader("unclassified")
    rules = tuple(_read_rule(one, is_lenient=is_lenient) for one in reader.readers("privacy_rules", high=_MANY))
    tasks = tuple(_read_task(one) for one in reader.readers("tasks", low=1, high=500))
    slugs = [task.id for task in tasks]
    policy = Policy(
        organisation_name=organisation.text("name", "", may_be_empty=True),
        time_zone=_read_zone(organisation),
        identified=_effect(unclassified, "identified"),
        anonymous=_effect(unclassified, "anonymous"),
        default_task=reader.choice("default_task", slugs) if slugs else "",
        limits=_read_limits(reader.reader("limits")),
        models=_read_models(reader.reader("models"), has_recommended=True),
        privacy_rules=rules,
        exceptions=tuple(_read_exception(one, rules) for one in reader.readers("exceptions", high=_MANY)),
        tasks=tasks,
        overrides=tuple(_read_override(one, slugs) for one in reader.readers("overrides", high=500)),
        cases=tuple(_read_case(one, slugs) for one in reader.readers("cases", high=2000)),
    )
    organisation.close()
    unclassified.close()
    for section, ids in (
        ("privacy_rules", [rule.id for rule in rules]),
        ("exceptions", [exception.id for exception in policy.exceptions]),
        ("tasks", slugs),
        ("overrides", [override.id for override in policy.overrides]),
    ):
        _check_unique(reader.problems, section, ids)
    return policy


def _read_zone(reader: ObjectReader) -> str:
    zone = reader.text("time_zone", "UTC", max_length=60)
    parts = zone.split("/")
    if not all(part and part.replace("_", "").replace("-", "").replace("+", "").isalnum() for part in parts):
        reader.wrong(reader.at("time_zone"), found=zone, allowed="a name such as Asia/Tokyo or UTC")
    return zone


def _read_limits(reader: ObjectReader) -> Limits:
    limits = Limits(
        local_context_tokens=reader.integer("local_context_tokens", low=1024, high=10_000_000),
        first_token_s=reader.number("first_token_s", low=0.1, high=86_400),
        policy_refresh_s=reader.integer("policy_refresh_s", low=10, high=86_400),
        policy_max_age_s=reader.integer("policy_max_age_s", low=60, high=30 * 86_400),
        facts_max_age_s=reader.integer("facts_max_age_s", low=10, high=30 * 86_400),
        on_battery=OnBattery(reader.choice("on_battery", tuple(OnBattery))),
    )
    reader.close()
    return limits


def _read_models(reader: ObjectReader, *, has_recommended: bool = False) -> ModelRules:
    models = ModelRules(
        allow=reader.texts("allow", [], high=500),
        deny=reader.texts("deny", [], high=500),
        recommended=reader.texts("recommended", [], high=500) if has_recommended else (),
    )
    reader.close()
    return models


def _read_rule(reader: ObjectReader, *, is_lenient: bool) -> PrivacyRule:
    if is_lenient and not _is_understood(reader):
        return PrivacyRule(
            id=str(reader.take("id", "?")), effect=Effect.LOCAL_ONLY, match=Match(), can_be_evaluated=False
        )
    effect = _effect(reader, "effect")
    rule = PrivacyRule(
        id=_slug(reader),
        effect=effect,
        match=_read_match(reader.reader("match"), keys=SIGNAL_KEYS if effect.is_restricting else LOOSENING_KEYS),
        name=_local_text(reader, "name"),
        is_confidential=reader.boolean("confidential", default=False),
        may_have_exceptions=reader.choice("exceptions", ("second_person", "forbidden"), "second_person") != "forbidden",
        models=_read_models(reader.reader("models", {})),
        reason=_local_text(reader, "reason"),
        owner=reader.text("owner", "", max_length=120, may_be_empty=True),
        review_by=_day(reader, "review_by") if effect.is_restricting else None,
        expires=None if effect.is_restricting else _day(reader, "expires"),
    )
    reader.close()
    return rule


def _is_understood(reader: ObjectReader) -> bool:
    """Whether this engine knows the rule's effect, every match key and every pattern."""
    trial = ObjectReader(reader.take("match", None), path="", problems=Problems())
    _read_match(trial, keys=SIGNAL_KEYS)
    return reader.take("effect", None) in tuple(Effect) and not trial.problems.found


def _read_match(reader: ObjectReader, *, keys: Sequence[str]) -> Match:
    found = {key: reader.texts(key, [], high=2000, max_length=2048) for key in keys}
    for key in SIGNAL_KEYS:
        if key not in keys and reader.take(key, []):
            reader.wrong(reader.at(key), found=reader.take(key), allowed="nothing: only remotes can loosen")
    if keys == LOOSENING_KEYS:
        _check_no_wikis(reader, found["remotes"])
    for index, commit in enumerate(found.get("root_commits", ())):
        if len(commit) not in (40, 64) or not set(commit.lower()) <= _HEX:
            reader.wrong(f"{reader.at('root_commits')}[{index}]", found=commit, allowed="a whole hash, 40 or 64 digits")
    if not any(found.values()) and not any(reader.take(key, []) for key in SIGNAL_KEYS):
        reader.wrong(reader.path, found="no pattern", allowed="at least one pattern", code="match.empty")
    for key in ("remotes", "paths"):
        for index, pattern in enumerate(found.get(key, ())):
            _check_pattern(reader, f"{reader.at(key)}[{index}]", pattern, is_remote=key == "remotes")
    reader.close()
    return Match(**found)


def _check_pattern(reader: ObjectReader, path: str, pattern: str, *, is_remote: bool) -> None:
    if any("**" in segment and segment != "**" for segment in pattern.split("/")):
        reader.wrong(path, found=pattern, allowed="** only as a whole segment", code="pattern.invalid")
    if is_remote and not _is_remote_pattern(pattern):
        reader.wrong(path, found=pattern, allowed="host/path, such as github.com/acme/**", code="pattern.invalid")
    if not is_remote and not pattern.startswith(("~/", "/", "**/")):
        reader.wrong(path, found=pattern, allowed="~/folder/** or /folder/**", code="pattern.invalid")


def _is_remote_pattern(pattern: str) -> bool:
    """Whether a remote can meet it: a host, a path, and no character that a normal form never holds."""
    host, *path = normalise_pattern(pattern)
    is_host_good = host.isascii() and not is_all_wildcards((host,))
    has_dots = any(segment in (".", "..") for segment in pattern.split("/"))
    return is_host_good and bool(path) and not has_dots and pattern.isprintable() and not set(pattern) & _FOREIGN


def _check_no_wikis(reader: ObjectReader, patterns: Sequence[str]) -> None:
    """A wiki counts as its repository, so a pattern of wikis would open repositories."""
    for index, pattern in enumerate(patterns):
        if pattern.strip().rstrip("/").removesuffix(".git").endswith(".wiki"):
            path = f"{reader.at('remotes')}[{index}]"
            reader.wrong(path, found=pattern, allowed="the repository, its wiki goes with it", code="pattern.invalid")


def _read_exception(reader: ObjectReader, rules: Iterable[PrivacyRule]) -> PrivacyException:
    by_id = {rule.id: rule for rule in rules}
    exception = PrivacyException(
        id=_slug(reader),
        rule=reader.text("rule", max_length=64),
        remotes=_read_match(reader.reader("match"), keys=LOOSENING_KEYS).remotes,
        effect=_effect(reader, "effect"),
        expires=_day(reader, "expires", is_required=True) or date.min,
        machines=reader.texts("machines", [], high=500, max_length=40),
        owner=reader.text("owner", "", max_length=120, may_be_empty=True),
        reason=_local_text(reader, "reason"),
    )
    rule = by_id.get(exception.rule)
    if rule is None:
        reader.wrong(reader.at("rule"), found=exception.rule, allowed=", ".join(by_id) or "no rule is there to except")
    elif not is_stricter(rule.effect, exception.effect):
        weaker = [str(one) for one in Effect if is_stricter(rule.effect, one)]
        reader.wrong(reader.at("effect"), found=str(exception.effect), allowed=", ".join(weaker) or "no exception")
    elif not rule.may_have_exceptions:
        reader.wrong(reader.at("rule"), found=exception.rule, allowed="a rule that permits exceptions")
    reader.close()
    return exception


def _read_task(reader: ObjectReader) -> TaskCategory:
    floor = reader.optional_choice("floor", tuple(Effect))
    axes = reader.reader("axes")
    task = TaskCategory(
        id=_slug(reader),
        label=_local_text(reader, "label"),
        preference=Preference(reader.choice("preference", tuple(Preference))),
        floor=Effect(floor) if floor else None,
        implies_offline=reader.boolean("implies_offline", default=False),
        axes=Axes(**{axis: axes.choice(axis, LEVELS, "medium") for axis in AXES}),
        needs=reader.texts("needs", [], high=len(NEEDS), max_length=20),
        min_quality=Tier(reader.choice("min_quality", tuple(Tier), Tier.BASIC)),
        parallel_agents=reader.integer("parallel_agents", 1, low=1, high=1000),
        is_retired=reader.boolean("retired", default=False),
        reason=_local_text(reader, "reason"),
    )
    for index, need in enumerate(task.needs):
        if need not in NEEDS:
            reader.wrong(f"{reader.at('needs')}[{index}]", found=need, allowed=", ".join(NEEDS))
    axes.close()
    reader.close()
    return task


def _read_override(reader: ObjectReader, slugs: Sequence[str]) -> Override:
    when = reader.reader("when")
    override = Override(
        id=_slug(reader),
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


def _read_case(reader: ObjectReader, slugs: Sequence[str]) -> PolicyCase:
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


def _slug(reader: ObjectReader) -> str:
    slug = reader.text("id", max_length=64)
    if slug and not (slug.isascii() and slug.replace("-", "").isalnum() and slug == slug.lower()):
        reader.wrong(reader.at("id"), found=slug, allowed="small letters, digits and hyphens")
    return slug


def _effect(reader: ObjectReader, key: str) -> Effect:
    return Effect(reader.choice(key, tuple(Effect)))


def _local_text(reader: ObjectReader, key: str) -> LocalText:
    found = reader.take(key, None)
    if found is None:
        return NO_TEXT
    if isinstance(found, str):
        found = {"en": found, "ja": found}
    inner = ObjectReader(found, path=reader.at(key), problems=reader.problems)
    text = LocalText(
        en=inner.text("en", "", max_length=500, may_be_empty=True),
        ja=inner.text("ja", "", max_length=500, may_be_empty=True),
    )
    inner.close()
    return text


def _day(reader: ObjectReader, key: str, *, is_required: bool = False) -> date | None:
    """A day; YAML gives a date, JSON a text."""
    found = reader.take(key) if is_required else reader.take(key, None)
    if found is None or type(found) is date:
        return found
    try:
        return date.fromisoformat(found if isinstance(found, str) else "")
    except ValueError:
        reader.wrong(reader.at(key), found=found, allowed="a day such as 2027-03-31")
        return None


def _check_unique(problems: Problems, section: str, ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, one in enumerate(ids):
        if one and one in seen:
            problems.add(f"{section}[{index}].id", "id.duplicate", found=f"'{one}' again", allowed="each id once")
        seen.add(one)
