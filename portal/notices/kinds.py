"""What people are told of: one row per kind, with its words. The values come from the notice's `data`.

The sentences are translated into the receiver's language when they are sent. A list in `data` shows as its first names
and the number of the others. `page` is where the receiver reads more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Kind:
    code: str
    label: str | Promise
    title: str | Promise
    text: str | Promise
    page: str = "/"
    # Of interest to those who run the portal only; nobody else is offered the choice.
    is_for_admins: bool = False
    # Nobody switches it off, and it does not wait for the end of quiet hours.
    is_asked_for: bool = False

    @property
    def fields(self) -> frozenset[str]:
        """Names that `data` must have."""
        texts = (str(self.title), str(self.text), self.page)
        found = (name for text in texts for _literal, name, _spec, _conversion in Formatter().parse(text))
        return frozenset(name for name in found if name)


_ALL = (
    Kind(
        code="machine.offline",
        label=_("A Mac went offline"),
        title=_("Offline: {machines}"),
        text=_("No sign of life since {since}: {machines}."),
        page="/incidents/{incident}/",
    ),
    Kind(
        code="machine.online",
        label=_("A Mac came back"),
        title=_("Back: {machines}"),
        text=_("They answer again: {machines}."),
        page="/incidents/{incident}/",
    ),
    Kind(
        code="machine.flapping",
        label=_("A Mac comes and goes"),
        title=_("Comes and goes: {machines}"),
        text=_("Changes of state in 30 minutes: {changes}, of {machines}. Silence until it keeps still for as long."),
        page="/incidents/{incident}/",
    ),
    Kind(
        code="machine.degraded",
        label=_("A runtime of a Mac is broken"),
        title=_("Partly broken: {machines}"),
        text=_("A runtime is broken or does not answer since {since}, on: {machines}."),
        page="/incidents/{incident}/",
    ),
    Kind(
        code="machine.quarantined",
        label=_("A Mac was quarantined"),
        title=_("Quarantined: {machines}"),
        text=_(
            "In quarantine: {machines}. Reports go on, and answers are local only. Look at it before you release it."
        ),
        page="/incidents/{incident}/",
    ),
    Kind(
        code="receipt.mismatch",
        label=_("A launch was not what was decided"),
        title=_("Not what was decided: {machines}"),
        text=_("Launches that differ from their decision: {count}, on {machines}."),
        page="/incidents/{incident}/",
    ),
    Kind(
        code="request.answered",
        label=_("Your request was answered"),
        title=_("Answered: {repository}"),
        text=_(
            "{person} answered what you asked on {machine} about {repository} with policy r{revision}. "
            "Your Mac has it with its next contact."
        ),
        page="/requests/",
    ),
    Kind(
        code="request.declined",
        label=_("Your request was declined"),
        title=_("Declined: {repository}"),
        text=_("{person} declined what you asked on {machine} about {repository}. The policy stays as it is."),
        page="/requests/",
    ),
    Kind(
        code="notice.dead",
        label=_("A notice could not be delivered"),
        title=_("Not delivered: {destinations}"),
        text=_("Given up after the last try: {count}, to {destinations}. You can send them again."),
        page="/notices/deliveries/",
        is_for_admins=True,
    ),
    Kind(
        code="summary.weekly",
        label=_("Weekly summary"),
        title=_("Your week: {decisions} decisions"),
        text=_(
            "From {first_day} to {last_day}: {decisions} decisions, {local} local, {cloud} in the cloud, "
            "{refused} refused.\n"
            "Tokens kept off the cloud: about {saved_tokens}.\n"
            "Most frequent refusal: {top_refusal}.\n"
            "Macs not seen for a week: {stale}."
        ),
    ),
    Kind(
        code="test",
        label=_("A test"),
        title=_("A test from Kirikae"),
        text=_("{person} asked for this test. The channel works."),
        page="/notices/",
        is_asked_for=True,
    ),
)
KINDS: Mapping[str, Kind] = {kind.code: kind for kind in _ALL}


def get_kind(code: str) -> Kind:
    """Raises KeyError."""
    return KINDS[code]


def list_offered(*, is_admin: bool) -> list[Kind]:
    """The kinds that a person may switch on and off."""
    return [kind for kind in _ALL if not kind.is_asked_for and (is_admin or not kind.is_for_admins)]


def refuse_missing_fields(kind: Kind, data: Mapping[str, Any]) -> None:
    """A notice that cannot be put into words is a fault of its caller, found when it is written and not when sent."""
    missing = kind.fields - set(data) - {"at"}
    if missing:
        raise ValueError(f"notice {kind.code} needs {', '.join(sorted(missing))} in its data")


def known_codes(codes: Iterable[str]) -> list[str]:
    return [code for code in codes if code in KINDS]
