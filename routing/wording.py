"""A logged answer in the reader's language. The codes and data in it are the truth; sentences follow from them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from machines.models import BrokenReason
from routing.engine.errors import Problem
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

# What the engine says of a pattern, a code or a day in a policy, for the page on which a rule is written.
PROBLEM_WORDS = {
    "no pattern": _("no pattern"),
    "at least one pattern": _("at least one pattern"),
    "nothing": _("nothing"),
    "a value": _("a value"),
    "small letters, digits and hyphens": _("small letters, digits and hyphens"),
    "a day such as 2027-03-31": _("a day such as 2027-03-31"),
    "nothing: only remotes can loosen": _("nothing: only remotes can open a project"),
    "a whole hash, 40 or 64 digits": _("a whole hash, 40 or 64 digits"),
    "** only as a whole segment": _("** only as a whole part of the path"),
    "host/path, such as github.com/acme/**": _("host/path, such as github.com/acme/**"),
    "~/folder/** or /folder/**": _("~/folder/** or /folder/**"),
    "the repository, its wiki goes with it": _("the repository, its wiki goes with it"),
    "each id once": _("each code once"),
    "a rule that permits exceptions": _("a rule that permits exceptions"),
}
_LENGTH = re.compile(r"a text of 1 to (\d+) characters")
_FOUND_LENGTH = re.compile(r"a text of (\d+) characters")
_AGAIN = re.compile(r"'(.+)' again")


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


def problems_in_words(problems: Iterable[Problem]) -> str:
    """One sentence each, with its place in the policy."""
    return " ".join(
        gettext("%(path)s: found %(found)s; allowed: %(allowed)s.") % {"path": one.path, **problem_in_words(one)}
        for one in problems
    )


def problem_in_words(problem: Problem) -> dict[str, str]:
    """`found` and `allowed` in the reader's language; patterns and names stand as they were typed."""
    return {"found": _engine_words(problem.found), "allowed": _engine_words(problem.allowed)}


def _engine_words(text: str) -> str:
    if length := _LENGTH.fullmatch(text):
        return gettext("a text of 1 to %(high)s characters") % {"high": length[1]}
    if length := _FOUND_LENGTH.fullmatch(text):
        return gettext("a text of %(length)s characters") % {"length": length[1]}
    if again := _AGAIN.fullmatch(text):
        return gettext("“%(code)s” once more") % {"code": again[1]}
    return str(PROBLEM_WORDS.get(text.strip("'"), text))


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
