"""Template filters for the parts of an answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

register = template.Library()

_STAGES: dict[str, str | Promise] = {
    "privacy": _("Privacy"),
    "feasibility": _("Feasibility"),
    "preference": _("Preference"),
    "selection": _("Selection"),
    "fallback": _("Fallback"),
    "obligations": _("Obligations"),
}


@register.filter
def stage_name(stage: str) -> str | Promise:
    """The word for a stage of the decision; one that is newer than this portal is shown as it is."""
    return _STAGES.get(stage, stage)


# What the portal itself writes into records that people write into as well.
_OWN_WORDS: dict[str, str | Promise] = {
    "portal": _("the portal"),
    "operator at the command line": _("operator at the command line"),
    "set-up": _("set-up"),
}


@register.filter
def own_words(text: str) -> str | Promise:
    """Records keep what the portal says in one language; pages say it in the reader's. People's words stay."""
    return _OWN_WORDS.get(text, text)


@register.filter
def breaks(address: str) -> SafeString:
    """A repository's address breaks at its slashes where it does not fit, and in a word only when one is too long."""
    return format_html_join(mark_safe("/<wbr>"), "{}", ((part,) for part in address.split("/")))


@register.filter("at")
def label_at(labels: Mapping[str, str], key: str) -> str:
    """The word for a key; one that nobody has a word for any more is shown as it is."""
    return labels.get(key, key)


@register.filter
def marked_reasons(answer: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], str]]:
    """Each reason with its mark: `decides` for the one that settled the backend, `fails` for what ruled something out.

    Protection settles it where the code may not go to the cloud; otherwise the last word on preference does, or what
    took its place.
    """
    reasons = list(answer["reasons"])
    decisive = _decisive_place(reasons, is_protected=answer["privacy"]["effect"] != "cloud_ok")
    ruled_out = {one["blocked_by"] for one in answer["alternatives"] if one["hard"] and one["backend"] == "local"}
    return [(reason, _mark(place == decisive, reason["code"] in ruled_out)) for place, reason in enumerate(reasons)]


def _decisive_place(reasons: Sequence[Mapping[str, Any]], *, is_protected: bool) -> int:
    places = {reason["stage"]: place for place, reason in enumerate(reasons) if reason["code"] != "preferred_backend"}
    if is_protected:
        return next((place for place, reason in enumerate(reasons) if reason["stage"] == "privacy"), 0)
    return places.get("fallback", places.get("preference", len(reasons) - 1))


def _mark(is_decisive: bool, is_ruled_out: bool) -> str:
    if is_decisive:
        return "decides"
    return "fails" if is_ruled_out else ""
