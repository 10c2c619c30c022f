"""The interval that agents are told: the usual one, and a longer and spread one when too many come at once."""

from machines.health.pace import MAX_INTERVAL_S, Pace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_usual_crowd_is_told_the_usual_interval() -> None:
    clock = Clock()
    pace = Pace(clock=clock)
    told = set()
    for _ in range(1000):
        clock.now += 1 / 90
        told.add(pace.next_interval_s())

    assert told == {60}


def test_crowd_is_spread_over_the_time_that_its_number_needs() -> None:
    clock = Clock()
    longest = Pace(clock=clock, draw=max)
    spread = Pace(clock=clock)

    told = [(longest.next_interval_s(), spread.next_interval_s()) for _ in range(2000)]

    assert told[-1][0] == 240
    assert told[-1][1] in range(60, 241)
    assert len({one for _, one in told}) > 50


def test_interval_has_an_end_and_comes_back_when_the_crowd_has_gone() -> None:
    clock = Clock()
    pace = Pace(clock=clock, draw=max)
    crowded = [pace.next_interval_s() for _ in range(20_000)][-1]

    clock.now += 60

    assert (crowded, pace.next_interval_s()) == (MAX_INTERVAL_S, 60)
