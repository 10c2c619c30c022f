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
    heartbeat = WorkerHeartbeat.objects.first()
    if heartbeat is None:
        return Check("worker", False, "never seen")
    age_s = max(0, round((timezone.now() - heartbeat.beaten_at).total_seconds()))
    return Check("worker", age_s <= WORKER_LATE_AFTER_S, f"seen {age_s} s ago")
