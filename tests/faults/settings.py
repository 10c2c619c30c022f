"""The portal's settings with a quick schedule and one task more, for the processes that the fault tests harm."""

from portal.settings import *  # noqa: F403
from portal.settings import CELERY_BEAT_SCHEDULE, CELERY_TASK_ROUTES

CELERY_IMPORTS = ("tests.faults.inside",)
CELERY_TASK_ROUTES |= {"probe.tick": {"queue": "house"}}
QUICK = {"machines": 1.0, "incidents": 1.0, "notices": 1.0, "worker-heartbeat": 2.0}
CELERY_BEAT_SCHEDULE |= {
    name: {**CELERY_BEAT_SCHEDULE[name], "schedule": period, "options": {"expires": period}}
    for name, period in QUICK.items()
}
CELERY_BEAT_SCHEDULE |= {"tick": {"task": "probe.tick", "schedule": 1.0, "options": {"expires": 1.0}}}
