"""When a person wants to be told: after a snooze, and not within the quiet hours of the organisation's zone."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from portal.notices.models import Choice


@dataclass(frozen=True)
class Quiet:
    """Both hours or none. Equal hours are no quiet at all."""

    starts: time | None = None
    ends: time | None = None
    snoozed_until: datetime | None = None


def quiet_of(choice: Choice | None) -> Quiet:
    return Quiet(choice.quiet_from, choice.quiet_to, choice.snoozed_until) if choice else Quiet()


def earliest(moment: datetime, quiet: Quiet, *, zone: tzinfo) -> datetime:
    """The moment itself, or the end of the quiet that it falls into."""
    if quiet.snoozed_until is not None:
        moment = max(moment, quiet.snoozed_until)
    local = moment.astimezone(zone)
    end = _end_of_quiet(local, quiet)
    return moment if end is None else end.astimezone(moment.tzinfo)


def _end_of_quiet(local: datetime, quiet: Quiet) -> datetime | None:
    """The next time the clock on the wall shows the end, when it shows an hour of quiet now."""
    starts, ends = quiet.starts, quiet.ends
    if starts is None or ends is None or not _is_within(local.time(), starts, ends):
        return None
    day = local.date() if local.time() < ends else local.date() + timedelta(days=1)
    end = datetime.combine(day, ends, tzinfo=local.tzinfo)
    # When summer time ends an hour comes twice: the first showing of the end may be over.
    return end if end.timestamp() > local.timestamp() else end.replace(fold=1)


def _is_within(now: time, starts: time, ends: time) -> bool:
    """Quiet hours may pass midnight."""
    return starts <= now < ends if starts < ends else starts != ends and (now >= starts or now < ends)
