"""A logged answer in the reader's language. The codes and data in it are the truth; sentences follow from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from machines.models import BrokenReason
from routing.engine.explain import TEXTS, text_of

PATTERNS_SHOWN = 6

STAGES = {
    "privacy": (_("Privacy"), "lock"),
    "feasibility": (_("Feasibility"), "gauge"),
    "preference": (_("Preference"), "sliders"),
    "selection": (_("Selection"), "check"),
    "fallback": (_("Outcome"), "arrow"),
    "obligations": (_("Obligations"), "shield"),
}
EFFECTS = {
    "block": _("Use forbidden"),
    "local_only": _("Local only"),
    "org_only": _("Organisation only"),
    "cloud_ok": _("Cloud allowed"),
}
CLASSIFICATIONS = {
    "nda": _("NDA"),
    "internal": _("Internal"),
    "open": _("Open"),
    "unclassified": _("Unclassified"),
}


@dataclass(frozen=True)
class StageTrace:
    name: str
    title: Any
    icon: str
    reasons: list[dict[str, Any]]


@dataclass(frozen=True)
class Candidate:
    """A backend that was looked at, and what became of it."""

    backend: str
    model: str
    is_chosen: bool = False
    is_ruled_out: bool = False
    why: str = ""
    code: str = ""


def localised(answer: Mapping[str, Any], language: str, *, tasks: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The same answer with each `text` in the language. An answer of another engine keeps what it says itself.

    `tasks`: labels of the categories, to stand in the sentences in place of their slugs.
    """
    told = dict(answer)
    for key in ("reasons", "warnings"):
        told[key] = [_retold(one, _words(one, tasks or {}), language) for one in answer[key]]
    told["near_misses"] = [_near_miss(one, language) for one in answer["near_misses"]]
    told["alternatives"] = [_alternative(one, language, sentences=told) for one in answer["alternatives"]]
    told["obligations"] = [_retold(one, {"value": one.get("value")}, language) for one in answer["obligations"]]
    if answer.get("refusal"):
        slug = answer["task"]["id"]
        told["refusal"] = _retold(answer["refusal"], {"task": (tasks or {}).get(slug, slug)}, language)
    return told


def candidates_of(answer: Mapping[str, Any]) -> list[Candidate]:
    """What was chosen, then what was not, in the order of the answer; of a localised one."""
    chosen = []
    if answer["backend"] != "none":
        model = answer.get("model") or {}
        chosen = [Candidate(answer["backend"], model.get("name", ""), is_chosen=True)]
    return [*chosen, *(_other_candidate(one, answer) for one in answer["alternatives"])]


def _other_candidate(one: Mapping[str, Any], answer: Mapping[str, Any]) -> Candidate:
    """`why`: the sentence of the answer that ruled it out or passed it over; empty where it has none."""
    why = str(_reason_for(one, answer).get("text", ""))
    return Candidate(one["backend"], one["model"] or "", is_ruled_out=one["hard"], why=why, code=one["blocked_by"])


def language_of_reader() -> str:
    """The one of the two that the engine has words in."""
    return "ja" if (get_language() or "").startswith("ja") else "en"


def exception_in_words(exception: Mapping[str, Any], language: str, *, today: date) -> dict[str, Any]:
    reason = exception.get("reason") or {}
    return {
        **exception,
        "effect_words": EFFECTS[exception["effect"]],
        "reason_words": reason.get(language) or reason.get("en") or reason.get("ja") or "",
        "is_ended": exception["expires"] < today.isoformat(),
    }


def rule_in_words(rule: Mapping[str, Any], language: str, *, today: date) -> dict[str, Any]:
    """The rule with a title in the language, else in the other one, else its code; of many patterns the first ones."""
    name = rule.get("name") or {}
    patterns = [pattern for found in rule["match"].values() for pattern in found]
    review_by, expires = rule.get("review_by") or "", rule.get("expires") or ""
    return {
        **rule,
        "title": name.get(language) or name.get("en") or name.get("ja") or rule["id"],
        "effect_words": EFFECTS.get(rule["effect"]),
        "patterns": patterns[:PATTERNS_SHOWN],
        "more_patterns": max(0, len(patterns) - PATTERNS_SHOWN),
        "is_overdue": "" < review_by < today.isoformat(),
        "is_ended": "" < expires < today.isoformat(),
    }


def trace_of(answer: Mapping[str, Any]) -> list[StageTrace]:
    """The reasons by stage, in the order of evaluation; a stage without reasons is left out."""
    stages = []
    for name, (title, icon) in STAGES.items():
        reasons = [reason for reason in answer["reasons"] if reason.get("stage") == name]
        if reasons:
            stages.append(StageTrace(name=name, title=title, icon=icon, reasons=reasons))
    return stages


def _words(one: Mapping[str, Any], tasks: Mapping[str, str]) -> dict[str, Any]:
    data = one.get("data")
    words = {"rule": one.get("rule"), **(data if isinstance(data, dict) else {})}
    if isinstance(words.get("task"), str):
        words["task"] = tasks.get(words["task"], words["task"])
    needed, limit = words.get("needed_bytes"), words.get("limit_bytes")
    if isinstance(needed, int) and isinstance(limit, int):
        # The remedy speaks of it; an answer keeps the data of its reasons alone.
        words["missing_bytes"] = needed - limit
    if one.get("code") == "runtime_broken" and words.get("why") in BrokenReason.values:
        words["why"] = str(BrokenReason(words["why"]).label)
    return words


def _retold(one: Mapping[str, Any], words: Mapping[str, Any], language: str) -> dict[str, Any]:
    code = str(one.get("code", ""))
    text = text_of(code, words, language) if code in TEXTS else one.get("text") or code
    return {**one, "text": text}


def _near_miss(one: Mapping[str, Any], language: str) -> dict[str, Any]:
    failed = one.get("failed")
    words = {"rule": one.get("rule"), **(failed if isinstance(failed, dict) else {})}
    return {**one, "text": text_of("near_miss", words, language)}


def _alternative(one: Mapping[str, Any], language: str, *, sentences: Mapping[str, Any]) -> dict[str, Any]:
    remedy = one.get("remedy")
    if not isinstance(remedy, dict):
        return dict(one)
    # A remedy speaks of the runtime or the model that its reason names.
    return {**one, "remedy": _retold(remedy, _words(_reason_for(one, sentences), {}), language)}


def _reason_for(one: Mapping[str, Any], answer: Mapping[str, Any]) -> Mapping[str, Any]:
    told = [*answer["reasons"], *answer["warnings"]]
    same_code = [each for each in told if each["code"] == one["blocked_by"]]
    own = [each for each in same_code if (each.get("data") or {}).get("model") in (None, one["model"])]
    return next(iter(own or same_code), {})
