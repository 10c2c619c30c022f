"""The portal's settings and one task more: `tests.probe_tasks`. For processes whose worker a test kills."""

from portal.settings import *  # noqa: F403
from portal.settings import CELERY_BEAT_SCHEDULE, CELERY_TASK_ROUTES

CELERY_IMPORTS = ("tests.probe_tasks",)
CELERY_TASK_ROUTES |= {"probe.slow": {"queue": "ingest"}}
CELERY_BEAT_SCHEDULE |= {"probe": {"task": "probe.slow", "schedule": 3600.0, "options": {"expires": 3600.0}}}
