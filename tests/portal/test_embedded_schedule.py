"""The scheduler in the embedded worker: without it the worker must not go on looking well."""

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from portal.celery import EmbeddedScheduler


@pytest.fixture
def signals_sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Signals that the test's own process would have got."""
    sent: list[int] = []

    def kill(pid: int, number: int) -> None:
        assert pid == os.getpid()
        sent.append(number)

    monkeypatch.setattr(os, "kill", kill)
    return sent


def test_a_scheduler_that_fails_ends_its_worker(tmp_path: Path, signals_sent: list[int]) -> None:
    with pytest.raises(Exception, match=r"unable to open|No such file"):
        EmbeddedScheduler(tmp_path / "absent" / "schedule").run()

    assert signals_sent == [signal.SIGTERM]


def test_a_clock_that_is_set_back_keeps_nothing_from_being_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    sent: list[str] = []
    with time_machine.travel(now + timedelta(hours=1), tick=False) as clock:
        scheduler = EmbeddedScheduler(tmp_path / "schedule").service.scheduler
        monkeypatch.setattr(scheduler, "apply_async", lambda entry, **_: sent.append(entry.name))
        clock.shift(11)
        while scheduler.tick() == 0:
            pass
        assert "machines" in sent
        sent.clear()

        clock.move_to(now)
        assert scheduler.tick() > 0
        assert sent == []

        clock.shift(11)
        while scheduler.tick() == 0:
            pass
    assert {"machines", "notices"} <= set(sent)


@pytest.mark.slow
def test_a_scheduler_that_was_told_to_stop_ends_alone(tmp_path: Path, signals_sent: list[int]) -> None:
    scheduler = EmbeddedScheduler(tmp_path / "schedule")
    scheduler.start()

    scheduler.stop()

    assert not scheduler.is_alive()
    assert signals_sent == []
