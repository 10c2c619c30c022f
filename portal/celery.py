"""The Celery app. Tasks live in each app's `tasks.py`; the schedule is `CELERY_BEAT_SCHEDULE` in the settings."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

from celery import Celery, bootsteps, signals
from celery.beat import PersistentScheduler, Service

from portal.embedded import folder_queue
from portal.processes.precedence import stand_back

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

# Longer than the scheduler's interval.
STOP_WITHIN_S = 3.0

folder_queue.register()
app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def touch_while_alive(path: Path, *, every_s: float) -> None:
    """The worker's own loop touches the file, so a file that is old tells of a worker that hangs."""

    class Alive(bootsteps.StartStopStep):  # type: ignore[misc] # Celery has no types
        requires = ("celery.worker.components:Timer",)

        def start(self, worker: Any) -> None:
            path.touch()
            worker.timer.call_repeatedly(every_s, path.touch)

    app.steps["worker"].add(Alive)


class SteadyScheduler(PersistentScheduler):  # type: ignore[misc] # Celery has no types
    """Celery's goes by when it sent each last: where the clock is set back by an hour, it sends nothing for an hour."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        now = self.app.now()
        ahead = [entry for entry in self.schedule.values() if entry.last_run_at > now]
        for entry in ahead:
            entry.last_run_at = now
        if ahead:
            self.populate_heap()
        return float(super().tick(*args, **kwargs))


class EmbeddedScheduler(threading.Thread):
    """The scheduler beside the worker's own threads; the short interval is how soon it hears that it must stop."""

    def __init__(self, path: Path) -> None:
        super().__init__(name="beat", daemon=True)
        self.service = Service(app, max_interval=1, schedule_filename=str(path), scheduler_cls=app.conf.beat_scheduler)
        self.is_stopping = False

    def run(self) -> None:
        try:
            self.service.start()
        finally:
            # Without its schedule a worker would look well and do nothing; the supervisor starts it anew.
            if not self.is_stopping:
                os.kill(os.getpid(), signal.SIGTERM)

    def stop(self) -> None:
        self.is_stopping = True
        self.service.stop()
        self.join(STOP_WITHIN_S)


def schedule_in_worker(path: Path) -> None:
    """As `celery worker -B`, which takes a process of 90 MB for it, forked: on macOS such a process may crash."""

    class Schedule(bootsteps.StartStopStep):  # type: ignore[misc] # Celery has no types
        def start(self, _worker: Any) -> None:
            self.thread = EmbeddedScheduler(path)
            self.thread.start()

        def stop(self, _worker: Any) -> None:
            self.thread.stop()

    app.steps["worker"].add(Schedule)


def stand_back_when_set_up() -> None:
    """Not earlier: a worker that was killed is back as soon as without. Its threads start later."""
    signals.celeryd_after_setup.connect(lambda **_: stand_back(), weak=False)


def touch_with_each_message(path: Path) -> None:
    """A scheduler is well while its messages reach the queue."""
    path.touch()
    signals.after_task_publish.connect(lambda **_: path.touch(), weak=False)
