"""The privacy stage of a decision: every project and both floors, told with their reasons."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..answer import NearMiss, Privacy, Stage
from ..bundle_value import Bundle
from ..effects import Classification, Effect, strictest
from ..facts import Situation
from ..matching.signals import read_signals
from ..policy.values import NO_TEXT, ModelRules, TaskCategory
from ..request import ANONYMOUS_PROJECT, TaskRequest
from ..rules import Finding, Miss, ProjectVerdict
from .trace import Trace


class Judgement(NamedTuple):
    """The outcome of the privacy stage. `blocker` is the reason's code that closes the cloud."""

    privacy: Privacy
    blocker: str | None
    model_rules: tuple[ModelRules, ...]

    @property
    def is_protected(self) -> bool:
        return self.privacy.effect.is_restricting


def judge_privacy(
    request: TaskRequest, task: TaskCategory, bundle: Bundle, situation: Situation, trace: Trace
) -> Judgement:
    now, machine, is_expired = situation.now, request.machine, situation.policy_state == "expired"
    verdicts = [
        bundle.rules.judge(read_signals(project), now=now, machine=machine, is_expired=is_expired)
        for project in request.projects or (ANONYMOUS_PROJECT,)
    ]
    floors = _tell_floors(request, task, trace)
    effect = strictest([verdict.effect for verdict in verdicts] + floors)
    findings = [finding for verdict in verdicts for finding in verdict.findings]
    for finding in findings:
        _tell_finding(finding, trace)
    rules = [finding.rule for finding in findings if finding.rule]
    for rule in bundle.rules.overdue(rules, now=now):
        trace.warn("rule_overdue", rule=rule.id, day=str(rule.review_by))
    if effect is Effect.ORG_ONLY:
        trace.warn("sharing_not_available")
    for verdict in verdicts:
        trace.near_misses += map(_near_miss, verdict.misses)
    return Judgement(
        privacy=Privacy(
            effect=effect,
            classification=_classification(verdicts),
            floor=strictest(floors) if floors else None,
            rules=tuple(dict.fromkeys(rule.id for rule in rules)),
            exceptions=tuple(dict.fromkeys(one.exception.id for one in findings if one.exception)),
        ),
        blocker=_blocker(effect, findings, task),
        model_rules=(bundle.policy.models, *dict.fromkeys(rule.models for rule in rules)),
    )


def _tell_floors(request: TaskRequest, task: TaskCategory, trace: Trace) -> list[Effect]:
    floors = []
    if task.floor is not None:
        trace.reason(Stage.PRIVACY, "task_floor", {"task": task.id, "effect": str(task.floor)})
        floors.append(task.floor)
    if request.session.floor is not None:
        floor = _session_floor(request.session.floor)
        trace.reason(Stage.PRIVACY, "session_floor", {"effect": str(floor)})
        floors.append(floor)
    return floors


def _session_floor(text: str) -> Effect:
    """A floor that this engine does not know protects, as a rule does that cannot be evaluated."""
    return Effect(text) if text in tuple(Effect) else Effect.LOCAL_ONLY


def _tell_finding(finding: Finding, trace: Trace) -> None:
    data: dict[str, object] = {"effect": str(finding.effect)}
    if finding.exception is not None:
        data["exception"] = finding.exception.id
        trace.reason(Stage.PRIVACY, finding.code, data, rule=finding.exception.rule)
    elif finding.rule is not None:
        if finding.rule.reason != NO_TEXT:
            data["why"] = {"en": finding.rule.reason.en, "ja": finding.rule.reason.ja}
        trace.reason(Stage.PRIVACY, finding.code, data, rule=finding.rule.id)
    else:
        trace.reason(Stage.PRIVACY, finding.code, data)


def _near_miss(miss: Miss) -> NearMiss:
    """A confidential rule shows its code name outside its own project, and not its pattern."""
    if not miss.rule.is_confidential:
        return NearMiss(rule=miss.rule.id, key=miss.key, wanted=miss.wanted, got=miss.got)
    code_name = miss.rule.name.in_language("en") or "confidential"
    return NearMiss(rule=code_name, key=miss.key, wanted="confidential", got=miss.got)


def _classification(verdicts: Sequence[ProjectVerdict]) -> Classification:
    order = (Classification.NDA, Classification.INTERNAL, Classification.UNCLASSIFIED, Classification.OPEN)
    return min((verdict.classification for verdict in verdicts), key=order.index)


def _blocker(effect: Effect, findings: Iterable[Finding], task: TaskCategory) -> str | None:
    """The code of what closes the cloud: the finding with the strictest effect, else a floor."""
    if effect is Effect.CLOUD_OK:
        return None
    found = next((finding.code for finding in findings if finding.effect is effect), None)
    return found or ("task_floor" if task.floor is effect else "session_floor")
