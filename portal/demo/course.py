"""The course of the demo's sixty days: the team's work, and between it what was asked for, permitted and told."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any

from portal.common import clock
from portal.demo import drafts, inbox, notices
from portal.demo.story import DAYS, MISSING_SINCE, OFFLINE_SINCE, Ask
from portal.demo.work import Team, fall_silent, work

type Document = dict[str, Any]

MORNING, AFTERNOON = 10, 16
_TOKYO_IS_AHEAD_H = 9


@dataclass(frozen=True)
class Event:
    at: datetime
    happen: Callable[[Team], None]


def live(team: Team, asks: Sequence[Ask], *, later_rule: Document, now: datetime) -> None:
    """What is decided follows from the policy that was in force by then."""
    done, archived_at = 0, now - notices.CHANNEL_ARCHIVED
    for event in _list_events(later_rule, now):
        until = bisect_left(asks, event.at, key=lambda ask: ask.at)
        work(team, asks[done:until], now=now)
        notices.tell_what_waits(until=event.at, archived_at=archived_at)
        with clock.standing_at(event.at):
            event.happen(team)
            notices.deliver(archived_at=archived_at)
        done = until
    work(team, asks[done:], now=now)
    notices.tell_what_waits(until=now, archived_at=archived_at)
    notices.look_at_older_launches(team, now=now)


def _list_events(later_rule: Document, now: datetime) -> list[Event]:
    """In the order of time. All that changes the policy comes before the draft that can still be published."""
    events = [
        Event(now - timedelta(days=DAYS - 1), notices.add_webhooks),
        Event(_at_work(30, MORNING, now), drafts.save_before_the_later_client),
        Event(_at_work(24, AFTERNOON, now), partial(drafts.publish_later_rule, rule=later_rule)),
        Event(_at_work(21, AFTERNOON, now), inbox.permit_for_release_week),
        Event(now - MISSING_SINCE, partial(fall_silent, name="build-studio")),
        Event(_at_work(16, AFTERNOON, now), inbox.permit_published_part),
        Event(_at_work(12, MORNING, now), drafts.discard_too_open),
        Event(_at_work(11, AFTERNOON, now), inbox.decline_forbidden),
        Event(_at_work(5, AFTERNOON, now), drafts.save_for_a_request),
        Event(now - OFFLINE_SINCE, partial(fall_silent, name="kimura-air")),
        Event(now - notices.CHANNEL_SWITCHED_OFF, notices.switch_off_archived_channel),
        Event(_at_work(1, MORNING, now), partial(_ask, wish=inbox.UNANSWERED)),
    ]
    return sorted(events, key=lambda event: event.at)


def _ask(team: Team, *, wish: inbox.Wish) -> None:
    inbox.ask(team, wish)


def _at_work(days_ago: int, hour: int, now: datetime) -> datetime:
    """That hour in Tokyo, so many days ago, or on the Friday before."""
    day = now.astimezone(UTC).date() - timedelta(days=days_ago)
    friday = day - timedelta(days=max(0, day.weekday() - 4))
    return datetime.combine(friday, time(hour - _TOKYO_IS_AHEAD_H, tzinfo=UTC))
