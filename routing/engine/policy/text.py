"""A `Policy` as a complete document, in the order of the policy file. Reading it back gives an equal policy."""

from collections.abc import Mapping
from datetime import date

from ..wire import project_document
from .values import (
    AXES,
    LocalText,
    Match,
    ModelRules,
    Override,
    Policy,
    PolicyCase,
    PrivacyException,
    PrivacyRule,
    TaskCategory,
    When,
)


def policy_document(policy: Policy) -> dict[str, object]:
    limits = policy.limits
    return {
        "version": 1,
        "organisation": {"name": policy.organisation_name, "time_zone": policy.time_zone},
        "unclassified": {"identified": str(policy.identified), "anonymous": str(policy.anonymous)},
        "default_task": policy.default_task,
        "limits": {
            "local_context_tokens": limits.local_context_tokens,
            "first_token_s": limits.first_token_s,
            "policy_refresh_s": limits.policy_refresh_s,
            "policy_max_age_s": limits.policy_max_age_s,
            "facts_max_age_s": limits.facts_max_age_s,
            "on_battery": str(limits.on_battery),
        },
        "models": _models(policy.models) | _recommended(policy.models),
        "privacy_rules": [_rule(rule) for rule in policy.privacy_rules],
        "exceptions": [_exception(exception) for exception in policy.exceptions],
        "tasks": [_task(task) for task in policy.tasks],
        "overrides": [_override(override) for override in policy.overrides],
        "cases": [_case(case) for case in policy.cases],
    }


def _models(models: ModelRules) -> dict[str, object]:
    return {"allow": list(models.allow), "deny": list(models.deny)}


def _recommended(models: ModelRules) -> dict[str, object]:
    """`recommended_by_memory` only where it says something: engines that do not know it refuse a policy with it."""
    by_memory = [
        {"from_gb": one.from_gb, "below_gb": one.below_gb, "models": list(one.models)}
        for one in models.recommended_by_memory
    ]
    always: dict[str, object] = {"recommended": list(models.recommended)}
    return always | ({"recommended_by_memory": by_memory} if by_memory else {})


def _rule(rule: PrivacyRule) -> dict[str, object]:
    end = {"review_by": _day(rule.review_by)} if rule.effect.is_restricting else {"expires": _day(rule.expires)}
    return {
        "id": rule.id,
        "name": _text(rule.name),
        "confidential": rule.is_confidential,
        "effect": str(rule.effect),
        "match": _match(rule.match),
        "exceptions": "second_person" if rule.may_have_exceptions else "forbidden",
        "models": _models(rule.models),
        "reason": _text(rule.reason),
        "owner": rule.owner,
        **end,
    }


def _exception(exception: PrivacyException) -> dict[str, object]:
    return {
        "id": exception.id,
        "rule": exception.rule,
        "match": {"remotes": list(exception.remotes)},
        "effect": str(exception.effect),
        "machines": list(exception.machines),
        "owner": exception.owner,
        "reason": _text(exception.reason),
        "expires": _day(exception.expires),
    }


def _task(task: TaskCategory) -> dict[str, object]:
    return {
        "id": task.id,
        "label": _text(task.label),
        "preference": str(task.preference),
        "floor": str(task.floor) if task.floor else None,
        "implies_offline": task.implies_offline,
        "axes": {axis: getattr(task.axes, axis) for axis in AXES},
        "needs": list(task.needs),
        "min_quality": str(task.min_quality),
        "parallel_agents": task.parallel_agents,
        "retired": task.is_retired,
        "reason": _text(task.reason),
    }


def _override(override: Override) -> dict[str, object]:
    return {"id": override.id, "when": _when(override.when), "prefer": str(override.prefer)}


def _when(when: When) -> dict[str, object]:
    """Only what is asked: an empty list and a missing key mean the same."""
    asked: Mapping[str, object] = {
        "tasks": list(when.tasks),
        "groups": list(when.groups),
        "clients": list(when.clients),
        "cloud_quota_below": when.cloud_quota_below,
        "cloud_available": when.cloud_available,
        "on_battery": when.on_battery,
        "low_power": when.low_power,
        "memory_pressure_at_least": when.memory_pressure_at_least,
        "machine_state": list(when.machine_state),
        "context_over_tokens": when.context_over_tokens,
    }
    document = {key: value for key, value in asked.items() if value not in (None, [])}
    if when.time is not None:
        document["time"] = {
            "from": _clock(when.time.start),
            "to": _clock(when.time.end),
            "days": list(when.time.days),
        }
    return document


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _case(case: PolicyCase) -> dict[str, object]:
    return {
        "name": case.name,
        "task": case.task,
        "projects": None if case.projects is None else [project_document(project) for project in case.projects],
        "machine": case.machine,
        "offline": case.is_offline,
        "expect": {case.expect[0]: case.expect[1]},
    }


def _match(match: Match) -> dict[str, object]:
    return {
        "remotes": list(match.remotes),
        "root_commits": list(match.root_commits),
        "markers": list(match.markers),
        "paths": list(match.paths),
        "labels": list(match.labels),
    }


def _text(text: LocalText) -> dict[str, str]:
    return {"en": text.en, "ja": text.ja}


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
