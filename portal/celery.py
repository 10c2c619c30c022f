"""The Celery app. Tasks live in each app's `tasks.py`; the schedule is `CELERY_BEAT_SCHEDULE` in the settings."""

import os
from pathlib import Path
from typing import Any

from celery import Celery, bootsteps, signals

from portal.embedded import folder_queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

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


def touch_with_each_message(path: Path) -> None:
    """A scheduler is well while its messages reach the queue."""
    path.touch()
    signals.after_task_publish.connect(lambda **_: path.touch(), weak=False)
