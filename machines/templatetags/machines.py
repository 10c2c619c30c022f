"""Filters for pages of machines: words for what a report names by code."""

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from machines.models import InstalledModel

register = template.Library()

ABSENT_FIELDS: dict[str, str | Promise] = {
    "hardware.os_version": _("System version"),
    "hardware.model": _("Model"),
    "hardware.chip": _("Chip"),
    "hardware.cpu_cores": _("CPU cores"),
    "hardware.performance_cores": _("Performance cores"),
    "hardware.gpu_cores": _("GPU cores"),
    "hardware.memory_bytes": _("Memory"),
    "hardware.gpu_limit_bytes": _("GPU limit"),
    "state.memory_available_bytes": _("Memory available"),
    "state.memory_pressure": _("Memory pressure"),
    "state.swap_used_bytes": _("Swap in use"),
    "state.on_battery": _("On battery"),
    "state.low_power": _("Low power mode"),
}

ABSENCE_REASONS: dict[str, str | Promise] = {
    "not_on_this_platform": _("this system does not tell it"),
    "not_reported": _("the system did not report it"),
    "system_default": _("not set; the system's own value applies"),
    "command_missing": _("the program that tells it is missing"),
    "command_failed": _("the program that tells it failed"),
    "timeout": _("the program that tells it did not answer in time"),
}


@register.filter
def field_label(field: str) -> str | Promise:
    """An agent may be newer than this portal: a name without a word shows as it came."""
    return ABSENT_FIELDS.get(field, field)


@register.filter
def absence_reason(code: str) -> str | Promise:
    return ABSENCE_REASONS.get(code, code)


@register.filter
def share_of_limit(model: InstalledModel, limit_bytes: int | None) -> float | None:
    return model.share_of(limit_bytes)
