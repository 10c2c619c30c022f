"""Filters for pages about what a Mac can run: ranges, contexts, and how an estimate is known."""

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from machines.catalogue.entries import Entry
from machines.catalogue.forms import TIERS
from portal.common.templatetags.quantities import ABSENT, context, seconds
from routing.engine.fit.constants import MEMORY_SPREAD
from routing.engine.policy.values import ModelRules, Tier

register = template.Library()
# Longer waits are told in minutes, as by the filter `seconds`.
SECONDS_BELOW_S = 90

BASES: dict[str, Promise] = {
    "measured": gettext_lazy("measured"),
    "corrected": gettext_lazy("corrected"),
    "fleet": gettext_lazy("team's runs"),
    "formula": gettext_lazy("estimated"),
}

VERDICTS: dict[str, Promise] = {
    "right": gettext_lazy("Right"),
    "depends": gettext_lazy("It depends"),
    "half": gettext_lazy("Half true"),
    "wrong": gettext_lazy("Wrong"),
}


@register.simple_tag
def memory_percent() -> str:
    """How far off a stated need of memory may be: `4 %`."""
    return f"{100 * (MEMORY_SPREAD.high - 1):.0f} %"


@register.filter
def rate_range(rates: tuple[float, float] | None) -> str:
    """`26–40`, tokens per second; the head of the column says so."""
    if not rates:
        return ABSENT
    low, high = (f"{rate:,.1f}" if rate < 10 else f"{rate:,.0f}" for rate in rates)
    return low if low == high else f"{low}–{high}"


@register.filter
def wait_range(waits_s: tuple[float, float] | None) -> str:
    """`48–73 s`; the unit of the low end is left out where it is that of the high end."""
    if not waits_s:
        return ABSENT
    if waits_s[1] < SECONDS_BELOW_S:
        low, high = (f"{wait_s:.1f}" if wait_s < 10 else f"{wait_s:.0f}" for wait_s in waits_s)
        return _("%(number)s s") % {"number": low if low == high else f"{low}–{high}"}
    low, high = seconds(waits_s[0]), seconds(waits_s[1])
    return low if low == high else f"{low} – {high}"


@register.filter
def context_below(tokens: int | None) -> str:
    """Rounded down to whole K: what is said to fit must fit."""
    return context(tokens if tokens is None or tokens < 1024 else tokens // 1024 * 1024)


@register.filter
def basis_label(basis: str) -> str | Promise:
    return BASES.get(basis, basis)


@register.filter
def forbidden_by(entry: Entry, rules: ModelRules) -> str | None:
    return rules.forbidding_any(entry.name, *entry.model.aliases)


@register.filter
def tier_label(tier: str) -> str | Promise:
    return dict(TIERS).get(Tier(tier), tier)


@register.filter
def billions(parameters: int | None) -> str:
    """`79.7B`, as models are named."""
    return ABSENT if parameters is None else f"{parameters / 1e9:.1f}B"


@register.filter
def claim_verdict(verdict: str) -> str | Promise:
    return VERDICTS.get(verdict, verdict)
