"""A notice in the words of one receiver: their language, and the organisation's time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from portal.common.policy_head import get_zone
from portal.notices.kinds import KINDS, Kind, get_kind
from portal.notices.models import Notice

_TIMES = ("since", "until")
# A summary is read in a second; the whole sentence of each refusal stands with its decision.
_REFUSALS = {
    "blocked_by_rule": _("a rule blocks every backend"),
    "no_local_backend": _("no local model for code that stays local"),
    "no_backend_available": _("neither the cloud nor a local model"),
}
# The rest is a number: a notice about forty Macs is read, not counted.
NAMES_SHOWN = 10
# Parts what a channel would read as more than text, and shows as nothing.
UNSEEN = "\N{WORD JOINER}"


@dataclass(frozen=True)
class Wording:
    title: str
    text: str
    # Path below the portal's address.
    page: str
    language: str

    @property
    def link(self) -> str:
        """Empty when nobody said what the portal's address is: a link must not come from a request's headers."""
        return f"{settings.BASE_URL}{self.page}" if settings.BASE_URL else ""

    @property
    def footer(self) -> str:
        """Where its receiver chooses what to be told of."""
        if not settings.BASE_URL:
            return ""
        with translation.override(self.language):
            return gettext("Choose what you are told of: %(page)s") % {"page": f"{settings.BASE_URL}/notices/"}


def put_into_words(notice: Notice, *, language: str) -> Wording:
    kind = get_kind(notice.kind)
    with translation.override(language):
        values = {name: _shown(value) for name, value in _with_times(notice).items()}
        title, text = _title_of(kind, values), str(kind.text).format_map(values)
        return Wording(title, text, kind.page.format_map(values), language)


def title_of(notice: Notice) -> str:
    """In the current language; the bare code for a kind of another version."""
    kind = KINDS.get(notice.kind)
    if kind is None:
        return notice.kind
    return _title_of(kind, {name: _shown(value) for name, value in notice.data.items()})


def _title_of(kind: Kind, values: Mapping[str, str]) -> str:
    return one_line(str(kind.title).format_map(values))


def one_line(text: str) -> str:
    """Names come from machines: no line break or other control character of theirs reaches a mail's head."""
    return "".join(character if character.isprintable() else " " for character in text)[:200]


def _with_times(notice: Notice) -> Mapping[str, Any]:
    times = {name: datetime.fromisoformat(notice.data[name]) for name in _TIMES if name in notice.data}
    told = {**notice.data, **times, "at": notice.at}
    if refusals := told.get("top_refusals"):
        refusal = told["top_refusal"]
        told["top_refusal"] = f"{_REFUSALS.get(refusal, refusal)} ({refusals})"
    return told


def _shown(value: object) -> str:
    if isinstance(value, list):
        return _names(value)
    if isinstance(value, datetime):
        return value.astimezone(get_zone()).strftime("%Y-%m-%d %H:%M %Z")
    return one_line(str(value))


def _names(names: list[Any]) -> str:
    shown = ", ".join(one_line(str(name)) for name in names[:NAMES_SHOWN])
    others = len(names) - NAMES_SHOWN
    if others <= 0:
        return shown or "–"
    more = ngettext("%(names)s and %(count)d more", "%(names)s and %(count)d more", others)
    return more % {"names": shown, "count": others}
