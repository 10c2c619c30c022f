"""The scheduler in the embedded worker: without it the worker must not go on looking well."""

import os
import signal
from pathlib import Path

import pytest

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


@pytest.mark.slow
def test_a_scheduler_that_was_told_to_stop_ends_alone(tmp_path: Path, signals_sent: list[int]) -> None:
    scheduler = EmbeddedScheduler(tmp_path / "schedule")
    scheduler.start()

    scheduler.stop()

    assert not scheduler.is_alive()
    assert signals_sent == []
