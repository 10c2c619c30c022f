"""A policy document (parsed JSON or YAML) to a `Policy` and back. Every problem is found in one pass.

A section that is left out has its shipped value; tasks merge by id over the shipped rows.
Documents of a bundle are read leniently: a rule that this engine does not understand restricts everything.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from ..errors import PolicyErrors
from ..reading.shapes import ObjectReader, Problems, read_whole
from .field_reading import read_effect
from .rule_reading import read_exception, read_models, read_rule
from .task_reading import read_case, read_override, read_task
from .text import policy_document
from .values import Limits, OnBattery, Policy

__all__ = ["parse_policy", "policy_document"]

POLICY_VERSION = 1
_MANY = 20_000
_SECTIONS = (
    "organisation", "unclassified", "default_task", "limits", "models", "privacy_rules", "exceptions",
    "tasks", "overrides", "cases",
)  # fmt: skip


def parse_policy(
    document: object,
    *,
    shipped: Mapping[str, object],
    is_lenient: bool = False,
    known_zones: Collection[str] = (),
) -> Policy:
    """The policy that the document holds over the shipped one. Raises PolicyErrors with every problem.

    Without `known_zones`, every time zone that could be a name is taken: not each machine has the list.
    """
    merged = _over_shipped(document, shipped)
    policy, problems = read_whole(
        merged, lambda reader: _read_policy(reader, is_lenient=is_lenient, known_zones=known_zones)
    )
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


def _read_policy(reader: ObjectReader, *, is_lenient: bool, known_zones: Collection[str]) -> Policy:
    if reader.integer("version") != POLICY_VERSION and reader.has("version"):
        reader.wrong("version", found=reader.take("version"), allowed=str(POLICY_VERSION))
    organisation, unclassified = reader.reader("organisation"), reader.reader("unclassified")
    rules = tuple(read_rule(one, is_lenient=is_lenient) for one in reader.readers("privacy_rules", high=_MANY))
    tasks = tuple(read_task(one) for one in reader.readers("tasks", low=1, high=500))
    slugs = [task.id for task in tasks]
    policy = Policy(
        organisation_name=organisation.text("name", "", may_be_empty=True),
        time_zone=_read_zone(organisation, known_zones),
        identified=read_effect(unclassified, "identified"),
        anonymous=read_effect(unclassified, "anonymous"),
        default_task=reader.choice("default_task", slugs) if slugs else "",
        limits=_read_limits(reader.reader("limits")),
        models=read_models(reader.reader("models"), has_recommended=True),
        privacy_rules=rules,
        exceptions=tuple(read_exception(one, rules) for one in reader.readers("exceptions", high=_MANY)),
        tasks=tasks,
        overrides=tuple(read_override(one, slugs) for one in reader.readers("overrides", high=500)),
        cases=tuple(read_case(one, slugs) for one in reader.readers("cases", high=2000)),
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


def _read_zone(reader: ObjectReader, known: Collection[str]) -> str:
    zone = reader.text("time_zone", "UTC", max_length=60)
    parts = zone.split("/")
    could_be = all(part and part.replace("_", "").replace("-", "").replace("+", "").isalnum() for part in parts)
    if not could_be or (known and zone not in known):
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


def _check_unique(problems: Problems, section: str, ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, one in enumerate(ids):
        if one and one in seen:
            problems.add(f"{section}[{index}].id", "id.duplicate", found=f"'{one}' again", allowed="each id once")
        seen.add(one)
