"""Template filters for the parts of an answer."""

from collections.abc import Mapping

from django import template
from django.utils.functional import Promise
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


@register.filter("at")
def label_at(labels: Mapping[str, str], key: str) -> str:
    """The word for a key; one that nobody has a word for any more is shown as it is."""
    return labels.get(key, key)
