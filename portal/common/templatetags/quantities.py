"""Template filters for quantities. Units appear here and nowhere else; what is not there shows as a dash."""

from datetime import datetime, timedelta
from typing import Literal

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()
ABSENT = "–"
# None, and the empty text that a template makes of a part of something that is not there.
type Maybe[T] = T | Literal[""] | None


@register.filter("bytes")
def format_bytes(size_bytes: Maybe[int]) -> str:
    """Decimal gigabytes with one digit; smaller sizes in MB or kB."""
    if size_bytes is None or size_bytes == "":
        return ABSENT
    if size_bytes >= 1e9:
        return f"{size_bytes / 1e9:,.1f} GB"
    if size_bytes >= 1e6:
        return f"{size_bytes / 1e6:.0f} MB"
    return f"{size_bytes / 1e3:.0f} kB"


@register.filter
def memory(memory_bytes: Maybe[int]) -> str:
    """Main memory is sold in binary gigabytes: 68,719,476,736 is `64 GB`."""
    return ABSENT if memory_bytes is None or memory_bytes == "" else f"{memory_bytes / 2**30:.0f} GB"


@register.filter
def tokens_per_s(rate: Maybe[float]) -> str:
    if rate is None or rate == "":
        return ABSENT
    number = f"{rate:.1f}" if rate < 10 else f"{rate:,.0f}"
    return _("%(number)s tokens/s") % {"number": number}


@register.filter
def context(tokens: Maybe[int]) -> str:
    """Context length as written in tables: `32K`, `128K`, `1M`; odd ones in full."""
    if tokens is None or tokens == "":
        return ABSENT
    if tokens >= 2**20 and tokens % 2**20 == 0:
        return f"{tokens // 2**20}M"
    if tokens >= 1024 and tokens % 1024 == 0:
        return f"{tokens // 1024}K"
    return f"{tokens:,}"


@register.filter
def seconds(duration_s: Maybe[float]) -> str:
    """`2.5 s` under ten, `58 s` under ninety, then `5 min 13 s`, then `28 min`."""
    if duration_s is None or duration_s == "":
        return ABSENT
    if duration_s < 10:
        return _("%(number)s s") % {"number": f"{duration_s:.1f}"}
    if duration_s < 90:
        return _("%(number)s s") % {"number": f"{duration_s:.0f}"}
    minutes, rest = divmod(round(duration_s), 60)
    if minutes < 10 and rest:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": rest}
    return _("%(minutes)s min") % {"minutes": minutes}


@register.filter
def milliseconds(duration_ms: Maybe[float]) -> str:
    """Short waits: 12 ms; from a second on as seconds."""
    if duration_ms is None or duration_ms == "":
        return ABSENT
    return _("%(number)s ms") % {"number": f"{duration_ms:.0f}"} if duration_ms < 1000 else seconds(duration_ms / 1000)


@register.filter
def ago(moment: datetime | None) -> str:
    """Relative time, for liveness only: logs show absolute time."""
    return _("never") if moment is None else _age(timezone.now() - moment)


def _age(age: timedelta) -> str:
    age_s = max(0, int(age.total_seconds()))
    if age_s < 60:
        return ngettext("%(count)d second ago", "%(count)d seconds ago", age_s) % {"count": age_s}
    if age_s < 3600:
        return ngettext("%(count)d minute ago", "%(count)d minutes ago", age_s // 60) % {"count": age_s // 60}
    if age_s < 86400:
        return ngettext("%(count)d hour ago", "%(count)d hours ago", age_s // 3600) % {"count": age_s // 3600}
    return ngettext("%(count)d day ago", "%(count)d days ago", age_s // 86400) % {"count": age_s // 86400}
