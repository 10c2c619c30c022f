"""The privacy stage of a decision: every project and both floors, told with their reasons."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from ..answer import NearMiss, Note, Privacy, Reason, Stage
from ..bundle_value import Bundle
from ..effects import Classification, Effect, strictest
from ..facts import Situation
from ..named_tuple import NamedTuple
from ..policy.values import NO_TEXT, ModelRules, PrivacyRule, TaskCategory
from ..request import ANONYMOUS_PROJECT, TaskRequest
from ..rules import Finding, Miss, Ruling
from .trace import Trace
from .work import Permission

_STRICTEST_FIRST = (Classification.NDA, Classification.INTERNAL, Classification.UNCLASSIFIED, Classification.OPEN)


class Conclusion(NamedTuple):
    """What all projects and both floors come to."""

    privacy: Privacy
    permission: Permission
    reasons: tuple[Reason, ...]
    warnings: tuple[Note, ...]
    # Of the rules that count those with a day on which they should be reviewed.
    reviewed: tuple[PrivacyRule, ...]


class Judgement(NamedTuple):
    """The outcome of the privacy stage: what holds of it at any time, and what is told besides."""

    conclusion: Conclusion
    near_misses: tuple[NearMiss, ...]
    warnings: tuple[Note, ...]


def judge_privacy(request: TaskRequest, task: TaskCategory, bundle: Bundle, situation: Situation) -> Judgement:
    rules, now, is_expired = bundle.rules, situation.now, situation.policy_state == "expired"
    verdicts = [
        rules.judge_project(project, now=now, machine=request.machine, is_expired=is_expired)
        for project in request.projects or (ANONYMOUS_PROJECT,)
    ]
    rulings = tuple([verdict.ruling for verdict in verdicts])
    concluded = _conclude_once(rulings, task, request.session.floor, bundle.policy.models)
    near_misses = tuple([_near_miss(miss) for verdict in verdicts for miss in verdict.misses])
    warnings = concluded.warnings
    if concluded.reviewed:
        overdue = rules.overdue(concluded.reviewed, now=now)
        notes = [Note("rule_overdue", {"rule": rule.id, "day": str(rule.review_by)}) for rule in overdue]
        warnings = (*notes, *warnings)
    return Judgement(concluded, near_misses, warnings)


def _conclude(
    rulings: Sequence[Ruling], task: TaskCategory, session_floor: str | None, models: ModelRules
) -> Conclusion:
    """`models`: the policy's own, beside those of its rules."""
    trace = Trace()
    floors = _tell_floors(task, session_floor, trace)
    effect = strictest([ruling.effect for ruling in rulings] + floors)
    findings = [finding for ruling in rulings for finding in ruling.findings]
    for finding in findings:
        _tell_finding(finding, trace)
    if effect is Effect.ORG_ONLY:
        trace.warn("sharing_not_available")
    rules = list(dict.fromkeys([finding.rule for finding in findings if finding.rule]))
    classification = _classification(rulings)
    return Conclusion(
        privacy=Privacy(
            effect=effect,
            classification=classification,
            floor=strictest(floors) if floors else None,
            rules=tuple([rule.id for rule in rules]),
            exceptions=tuple(dict.fromkeys([one.exception.id for one in findings if one.exception])),
        ),
        permission=Permission(
            effect=effect,
            classification=classification,
            blocker=_blocker(effect, findings, task),
            model_rules=(models, *dict.fromkeys([rule.models for rule in rules])),
        ),
        reasons=tuple(trace.reasons),
        warnings=tuple(trace.warnings),
        reviewed=tuple([rule for rule in rules if rule.review_by]),
    )


# It follows from its arguments alone, and most projects get one of few rulings.
_conclude_once = lru_cache(maxsize=1024)(_conclude)


def _tell_floors(task: TaskCategory, session_floor: str | None, trace: Trace) -> list[Effect]:
    floors = []
    if task.floor is not None:
        trace.reason(Stage.PRIVACY, "task_floor", {"task": task.id, "effect": str(task.floor)})
        floors.append(task.floor)
    if session_floor is not None:
        floor = _session_floor(session_floor)
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


def _classification(rulings: Sequence[Ruling]) -> Classification:
    return min([ruling.classification for ruling in rulings], key=_STRICTEST_FIRST.index)


def _blocker(effect: Effect, findings: Iterable[Finding], task: TaskCategory) -> str | None:
    """The code of what closes the cloud: the finding with the strictest effect, else a floor."""
    if effect is Effect.CLOUD_OK:
        return None
    found = next((finding.code for finding in findings if finding.effect is effect), None)
    return found or ("task_floor" if task.floor is effect else "session_floor")
