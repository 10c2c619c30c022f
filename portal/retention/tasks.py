"""Deleting what is old, as scheduled work."""

from django.utils import timezone

from portal.common.scheduled import scheduled_task
from portal.retention.services import forget_old_rows


@scheduled_task("retention.forget_old_rows")
def forget_old_rows_hourly() -> None:
    forget_old_rows(now=timezone.now())
