"""Quiet hours of the organisation's zone, which may pass midnight and meet summer time, and snoozes."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.notices.quiet import Quiet, earliest

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
NIGHT = Quiet(time(22), time(7))


def at(hour: int, minute: int = 0, *, day: int = 25) -> datetime:
    """By the clock in Tokyo."""
    return datetime(2026, 11, day, hour, minute, tzinfo=TOKYO).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "wanted"),
    [
        (at(21, 59), at(21, 59)),
        (at(22), at(7, day=26)),
        (at(3), at(7)),
        (at(6, 59), at(7)),
        (at(7), at(7)),
    ],
)
def test_a_night_ends_in_the_morning(moment: datetime, wanted: datetime) -> None:
    assert earliest(moment, NIGHT, zone=TOKYO) == wanted


def test_quiet_within_a_day_and_none_at_all() -> None:
    lunch = Quiet(time(12), time(13))

    assert earliest(at(12, 30), lunch, zone=TOKYO) == at(13)
    assert earliest(at(3), lunch, zone=TOKYO) == at(3)
    assert earliest(at(3), Quiet(), zone=TOKYO) == at(3)
    assert earliest(at(3), Quiet(time(3), time(3)), zone=TOKYO) == at(3)


def test_a_snooze_that_ends_at_night_waits_for_the_morning() -> None:
    quiet = Quiet(time(22), time(7), snoozed_until=at(23))

    assert earliest(at(12), quiet, zone=TOKYO) == at(7, day=26)


def test_the_morning_is_the_walls_when_summer_time_begins() -> None:
    night = datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN)

    assert earliest(night, NIGHT, zone=BERLIN) == datetime(2026, 3, 29, 5, 0, tzinfo=UTC)


def test_quiet_that_ends_in_the_hour_that_comes_twice_ends_with_its_next_showing() -> None:
    """2:30 to 2:45 by the clock, an hour before and after it was set back."""
    quiet = Quiet(time(22), time(2, 45))

    for hour in (0, 1):
        night = datetime(2026, 10, 25, hour, 30, tzinfo=UTC)
        assert earliest(night, quiet, zone=BERLIN) == night + timedelta(minutes=15)


moments = st.integers(0, 315_000_000).map(lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))


@given(moments, st.times(), st.times())
def test_nobody_waits_longer_than_a_day_and_never_into_the_quiet(moment: datetime, starts: time, ends: time) -> None:
    quiet = Quiet(starts, ends)

    found = earliest(moment, quiet, zone=TOKYO)

    assert moment <= found <= moment + timedelta(days=1)
    assert earliest(found, quiet, zone=TOKYO) == found
