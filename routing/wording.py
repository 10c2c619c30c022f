"""A logged answer in the reader's language. The codes and data in it are the truth; sentences follow from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from routing.engine.explain import TEXTS, text_of

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


def localised(answer: Mapping[str, Any], language: str) -> dict[str, Any]:
    """The same answer with each `text` in the language. An answer of another engine keeps what it says itself."""
    told = dict(answer)
    for key in ("reasons", "warnings"):
        told[key] = [_retold(one, _words(one), language) for one in answer[key]]
    told["near_misses"] = [_near_miss(one, language) for one in answer["near_misses"]]
    told["alternatives"] = [_alternative(one, language) for one in answer["alternatives"]]
    told["obligations"] = [_retold(one, {"value": one.get("value")}, language) for one in answer["obligations"]]
    if answer.get("refusal"):
        told["refusal"] = _retold(answer["refusal"], {"task": answer["task"]["id"]}, language)
    return told


def rule_in_words(rule: Mapping[str, Any], language: str) -> dict[str, Any]:
    """The rule with a title in the language, else in the other one, else its code."""
    name = rule.get("name") or {}
    title = name.get(language) or name.get("en") or name.get("ja") or rule["id"]
    return {**rule, "title": title, "effect_words": EFFECTS.get(rule["effect"])}


def trace_of(answer: Mapping[str, Any]) -> list[StageTrace]:
    """The reasons by stage, in the order of evaluation; a stage without reasons is left out."""
    stages = []
    for name, (title, icon) in STAGES.items():
        reasons = [reason for reason in answer["reasons"] if reason.get("stage") == name]
        if reasons:
            stages.append(StageTrace(name=name, title=title, icon=icon, reasons=reasons))
    return stages


def _words(one: Mapping[str, Any]) -> dict[str, Any]:
    data = one.get("data")
    return {"rule": one.get("rule"), **(data if isinstance(data, dict) else {})}


def _retold(one: Mapping[str, Any], words: Mapping[str, Any], language: str) -> dict[str, Any]:
    code = str(one.get("code", ""))
    text = text_of(code, words, language) if code in TEXTS else one.get("text") or code
    return {**one, "text": text}


def _near_miss(one: Mapping[str, Any], language: str) -> dict[str, Any]:
    failed = one.get("failed")
    words = {"rule": one.get("rule"), **(failed if isinstance(failed, dict) else {})}
    return {**one, "text": text_of("near_miss", words, language)}


def _alternative(one: Mapping[str, Any], language: str) -> dict[str, Any]:
    remedy = one.get("remedy")
    if not isinstance(remedy, dict):
        return dict(one)
    return {**one, "remedy": _retold(remedy, {}, language)}
