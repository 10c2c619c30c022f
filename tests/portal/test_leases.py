"""Scheduled work happens once, however many schedulers and workers there are, and goes on when one of them dies."""

import threading
from datetime import timedelta
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
from celery.exceptions import Retry
from django.apps import apps
from django.conf import settings
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now

from portal.backends import QUEUES, RESTORE_OPTIONS
from portal.celery import app
from portal.common import leases
from portal.common.leases import HELD_FOR, RENEWED_EVERY_S, Turn, lease, release, renew
from portal.common.models import Lease
from portal.health.models import WorkerHeartbeat
from portal.health.tasks import worker_heartbeat

MINUTE = timedelta(minutes=1)
OVER = timedelta(seconds=-1)
take = partial(leases.take, every=MINUTE)


@pytest.mark.django_db
def test_a_job_in_hand_is_nobody_elses() -> None:
    assert take("sweep", owner="a") is Turn.OURS
    assert take("sweep", owner="b") is Turn.BUSY


@pytest.mark.django_db
def test_a_second_message_within_the_period_does_nothing() -> None:
    with lease("sweep", every=MINUTE) as first:
        pass
    with lease("sweep", every=MINUTE) as second:
        pass

    assert (first, second) == (Turn.OURS, Turn.DONE)


@pytest.mark.django_db
def test_the_job_is_due_again_a_little_before_its_period_is_over() -> None:
    with lease("sweep", every=MINUTE):
        pass

    row = Lease.objects.get(job="sweep")
    assert row.taken_at is not None
    assert row.due_at - row.taken_at == timedelta(seconds=48)


@pytest.mark.django_db
def test_the_lease_of_a_dead_worker_ends_and_the_job_is_done_by_another() -> None:
    take("sweep", owner="dead", held_for=OVER)

    assert take("sweep", owner="b") is Turn.OURS
    assert renew("sweep", owner="dead") is False


@pytest.mark.django_db
def test_a_worker_that_lost_its_lease_does_not_end_the_new_one() -> None:
    take("sweep", owner="slow", held_for=OVER)
    take("sweep", owner="b")

    release("sweep", owner="slow", due_in=MINUTE)

    assert take("sweep", owner="c") is Turn.BUSY


@pytest.mark.django_db
@pytest.mark.parametrize("owner", ["", "dead"])
def test_a_clock_that_is_set_back_holds_no_job_up(owner: str) -> None:
    an_hour_ahead = Now() + timedelta(hours=1)
    Lease.objects.bulk_create([Lease(job="sweep", owner=owner, due_at=an_hour_ahead, expires_at=an_hour_ahead)])

    assert take("sweep", owner="b") is Turn.OURS
    assert take("sweep", owner="c") is Turn.BUSY


@pytest.mark.django_db
def test_work_that_failed_is_due_at_once() -> None:
    with pytest.raises(ZeroDivisionError), lease("sweep", every=MINUTE):
        raise ZeroDivisionError

    assert take("sweep", owner="b") is Turn.OURS


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_of_eight_that_come_at_once_exactly_one_gets_the_job() -> None:
    turns: list[Turn] = []
    start = threading.Barrier(8)

    def try_it(owner: str) -> None:
        start.wait(10)
        turns.append(take_in_spite_of_locks("sweep", owner=owner))
        close_for_good()

    threads = [threading.Thread(target=try_it, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(turn.value for turn in turns) == ["busy"] * 7 + ["ours"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_lease_is_renewed_while_the_job_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.common.leases.RENEWED_EVERY_S", 0.05)
    renewed = threading.Event()

    def renew_and_tell(job: str, **more: Any) -> bool:
        # Once is enough, and then nobody writes while the test reads.
        if not renewed.is_set():
            try:
                renew(job, **more)
                renewed.set()
            finally:
                close_for_good()
        return True

    monkeypatch.setattr("portal.common.leases.renew", renew_and_tell)

    with lease("sweep", every=MINUTE, held_for=timedelta(seconds=8)):
        before = Lease.objects.get(job="sweep").expires_at
        assert renewed.wait(10)
        after = Lease.objects.get(job="sweep").expires_at

    assert after > before


def take_in_spite_of_locks(job: str, *, owner: str) -> Turn:
    """SQLite in memory, which only tests use, does not wait for another thread's lock as a file does."""
    for _ in range(500):
        try:
            return take(job, owner=owner)
        except OperationalError:
            threading.Event().wait(0.01)
    raise AssertionError("locked for five seconds")


def close_for_good() -> None:
    """Closes SQLite in memory too, which Django keeps open on purpose."""
    BaseDatabaseWrapper.close(connections["default"])


@pytest.mark.django_db
def test_a_task_whose_job_is_busy_looks_again_later() -> None:
    take("health.worker_heartbeat", owner="other")

    with pytest.raises(Retry):
        worker_heartbeat.apply(throw=True).get()

    assert not WorkerHeartbeat.objects.exists()


@pytest.mark.django_db
def test_two_schedulers_make_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    monkeypatch.setattr("portal.health.tasks.beat", lambda: runs.append(1))

    worker_heartbeat.apply().get()
    worker_heartbeat.apply().get()

    assert runs == [1]


def test_every_scheduled_task_expires_has_a_queue_and_is_leased() -> None:
    for folder in apps.get_app_configs():
        if find_spec(f"{folder.name}.tasks"):
            import_module(f"{folder.name}.tasks")

    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        task = app.tasks[entry["task"]]
        assert entry["options"]["expires"] <= entry["schedule"], entry
        assert settings.CELERY_TASK_ROUTES[entry["task"]]["queue"] in QUEUES
        assert task.max_retries is None, f"{entry['task']} must be a scheduled_task"


def test_a_killed_workers_message_comes_back_to_a_lease_that_has_ended() -> None:
    assert HELD_FOR.total_seconds() < RESTORE_OPTIONS["visibility_timeout"]
    assert HELD_FOR.total_seconds() > RENEWED_EVERY_S * 3


def test_only_json_is_taken_and_nobody_commands_a_worker_from_afar() -> None:
    assert app.conf.accept_content == ["json"]
    assert app.conf.worker_enable_remote_control is False
    assert sorted(queue.name for queue in app.amqp.queues.values()) == sorted(QUEUES)
