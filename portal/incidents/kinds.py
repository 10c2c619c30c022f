"""What goes wrong in ways that people are told of, how long each waits before that, and what tells of it.

Delays are the whole of the patience: what is over in time is never told. They grow with each change of the same thing,
and a thing that changes all the time is told of once and then left alone until it keeps still.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _


class IncidentKind(models.TextChoices):
    OFFLINE = "offline", _("Offline")
    DEGRADED = "degraded", _("Runtime broken")
    FLAPPING = "flapping", _("Comes and goes")
    QUARANTINED = "quarantined", _("Quarantined")
    MISMATCH = "mismatch", _("Launch differs from its decision")
    DEAD_LETTER = "dead_letter", _("Notice not delivered")


@dataclass(frozen=True)
class Rules:
    """`begin_notice` and `end_notice` are kinds of `portal.notices`."""

    begin_notice: str
    begin_delay: timedelta = timedelta()
    end_notice: str | None = None
    end_delay: timedelta = timedelta()
    # Nothing ends it by itself; somebody has to look, and says so.
    ends_by_hand: bool = False


RULES = {
    IncidentKind.OFFLINE: Rules(
        "machine.offline", timedelta(minutes=5), end_notice="machine.online", end_delay=timedelta(minutes=2)
    ),
    IncidentKind.DEGRADED: Rules("machine.degraded", timedelta(minutes=5)),
    IncidentKind.FLAPPING: Rules("machine.flapping"),
    IncidentKind.QUARANTINED: Rules("machine.quarantined"),
    # A batch of receipts makes one notice.
    IncidentKind.MISMATCH: Rules("receipt.mismatch", timedelta(minutes=1), ends_by_hand=True),
    IncidentKind.DEAD_LETTER: Rules("notice.dead", timedelta(minutes=1), ends_by_hand=True),
}

# What begins within this time of the last one is the same event: a network that fails takes forty Macs along.
TOGETHER_WITHIN = timedelta(seconds=60)
# But not for ever: a fleet in which something is always wrong has more than one incident.
GROWS_FOR = timedelta(minutes=5)
GROWTH = 1.5
LONGEST_DELAY = timedelta(hours=1)
# So many changes within this time are flapping; it is over when nothing changed for as long.
FLAPPING_CHANGES = 6
STILL_AFTER = timedelta(minutes=30)


def recent(changes: list[str], *, at: datetime) -> list[str]:
    """Those of the ISO times that still count at that moment."""
    return [change for change in changes if datetime.fromisoformat(change) > at - STILL_AFTER]


def is_flapping(changes: list[str]) -> bool:
    return len(changes) >= FLAPPING_CHANGES


def begin_delay(kind: IncidentKind, changes: list[str]) -> timedelta:
    """`changes` are the recent ones, this begin included."""
    return _grown(RULES[kind].begin_delay, changes, earlier=len(changes) - 1)


def end_delay(kind: IncidentKind, changes: list[str]) -> timedelta:
    """`changes` are the recent ones, this end included; the begin that belongs to it makes nobody wait longer."""
    return _grown(RULES[kind].end_delay, changes, earlier=len(changes) - 2)


def _grown(base: timedelta, changes: list[str], *, earlier: int) -> timedelta:
    if is_flapping(changes):
        return STILL_AFTER
    grown: timedelta = base * GROWTH ** max(0, earlier)
    return min(grown, LONGEST_DELAY)
