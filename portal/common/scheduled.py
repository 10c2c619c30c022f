"""Scheduled work as Celery tasks: one worker at a time, once in each period of `CELERY_BEAT_SCHEDULE`."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

from celery import Task, shared_task
from django.conf import settings

from portal.common.leases import Turn, lease

# A message that finds the job in other hands looks again: should those be dead, nobody else remembers the job.
LOOK_AGAIN_S = 3


def scheduled_task(name: str) -> Callable[[Callable[[], Any]], Task]:
    """Makes the function a task of that name; it must be idempotent all the same."""

    def decorate(work: Callable[[], Any]) -> Task:
        def run(task: Task) -> Any:
            with lease(name, every=period_of(name)) as turn:
                if turn is Turn.OURS:
                    return work()
            if turn is Turn.BUSY and not task.request.called_directly:
                raise task.retry(countdown=LOOK_AGAIN_S)
            return None

        run.__doc__ = work.__doc__
        run.__module__ = work.__module__
        task: Task = shared_task(name=name, bind=True, max_retries=None)(run)
        return task

    return decorate


@cache
def period_of(name: str) -> timedelta:
    """Raises KeyError for a task that is not in the schedule."""
    schedule: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    periods = {entry["task"]: entry["schedule"] for entry in schedule.values()}
    return timedelta(seconds=periods[name])
