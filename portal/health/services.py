"""Writing the worker's sign of life, and the checks behind /readyz."""

from dataclasses import dataclass

from django.db import DatabaseError
from django.utils import timezone

from portal.common.policy_head import get_head
from portal.common.schema import count_missing
from portal.health.models import WorkerHeartbeat

# Four missed beats of the schedule in the settings.
WORKER_LATE_AFTER_S = 60


@dataclass(frozen=True)
class Check:
    """Behind /readyz, for machines, name and detail are English; `doctor` makes those of its own in the terminal's."""

    name: str
    is_ok: bool
    detail: str


def beat() -> None:
    WorkerHeartbeat.objects.update_or_create(id=1, defaults={"beaten_at": timezone.now()})


def check_readiness() -> list[Check]:
    """Reads the database; when it does not answer, that is the only check reported."""
    try:
        return [Check("database", True, "answers"), _check_migrations(), check_policy(), check_worker()]
    except DatabaseError as error:
        return [Check("database", False, type(error).__name__)]


def _check_migrations() -> Check:
    missing = count_missing()
    return Check("migrations", missing == 0, f"{missing} missing")


def check_policy() -> Check:
    head = get_head()
    return Check("policy", head.revision > 0, f"revision {head.revision}" if head.revision else "nothing published")


def check_worker() -> Check:
    age_s = find_worker_age_s()
    if age_s is None:
        return Check("worker", False, "never seen")
    return Check("worker", age_s <= WORKER_LATE_AFTER_S, f"seen {age_s} s ago")


def find_worker_age_s() -> int | None:
    """How long ago a worker gave a sign of life; None when none ever did."""
    heartbeat = WorkerHeartbeat.objects.first()
    return None if heartbeat is None else max(0, round((timezone.now() - heartbeat.beaten_at).total_seconds()))
