"""A notice in the words of one receiver: their language, and the organisation's time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import ngettext

from portal.common.policy_head import get_zone
from portal.notices.kinds import get_kind
from portal.notices.models import Notice

_TIMES = ("since", "until")
# The rest is a number: a notice about forty Macs is read, not counted.
NAMES_SHOWN = 10


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


def put_into_words(notice: Notice, *, language: str) -> Wording:
    kind = get_kind(notice.kind)
    with translation.override(language):
        values = {name: _shown(value) for name, value in _with_times(notice).items()}
        title = one_line(str(kind.title).format_map(values))
        return Wording(title, str(kind.text).format_map(values), kind.page.format_map(values), language)


def one_line(text: str) -> str:
    """Names come from machines: no line break or other control character of theirs reaches a mail's head."""
    return "".join(character if character.isprintable() else " " for character in text)[:200]


def _with_times(notice: Notice) -> Mapping[str, Any]:
    times = {name: datetime.fromisoformat(notice.data[name]) for name in _TIMES if name in notice.data}
    return {**notice.data, **times, "at": notice.at}


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
