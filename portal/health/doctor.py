"""What `manage.py doctor` looks at, beyond the checks of /readyz: the folder, its secrets, the clock, the disk."""

import os
import platform
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Max
from django.utils import timezone
from kombu.exceptions import OperationalError

from portal.audit.models import AuditEntry
from portal.backups.services import SECRETS
from portal.celery import app as celery_app
from portal.common.schema import list_applied, list_pending, list_unknown
from portal.embedded.checks import StartRefused, check_data_folder
from portal.health.services import Check, check_policy, check_worker
from portal.processes.reachable import explain

# A day of work of a large team, an upgrade's backup included.
FREE_BYTES = 1 << 30
# Decisions are valid for minutes, and agents compare their clock with the portal's.
CLOCK_OFF_BY = timedelta(seconds=5)
# No portal was made before; a machine that has lost its clock's battery starts in 1970.
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)


def examine() -> Iterator[Check]:
    """One check after the other. The detail of one that is not ok says what to do."""
    yield Check("python", True, platform.python_version())
    yield _check_data_folder(settings.DATA_DIR)
    yield from (_check_secret(settings.DATA_DIR / name) for name in SECRETS)
    yield _check_disk(settings.DATA_DIR)
    yield from _examine_database()
    yield _check_queue()


def _examine_database() -> Iterator[Check]:
    try:
        yield _check_database()
        yield from (_check_journal(), _check_migrations())
        # The tables that these read may be missing before the first start.
        if not list_pending():
            yield from (_check_clock(), _check_policy(), _check_worker())
    except DatabaseError as error:
        yield Check("database", False, explain(error))


def _check_data_folder(folder: Path) -> Check:
    try:
        check_data_folder(folder)
    except StartRefused as refused:
        return Check("data folder", False, str(refused))
    if problem := _openness(folder, allowed=0o700):
        return Check("data folder", False, problem)
    return Check("data folder", True, str(folder))


def _check_secret(path: Path) -> Check:
    if not path.exists():
        # The signing key is made with the first bundle.
        return Check(path.name, True, "not made yet")
    problem = _openness(path, allowed=0o600)
    return Check(path.name, not problem, problem or "only its owner can read it")


def _openness(path: Path, *, allowed: int) -> str:
    """What is wrong with the owner or the mode; empty when nothing is."""
    found = path.stat()
    if found.st_uid != os.geteuid():
        return f"{path} belongs to another user. Run the portal as its owner, or type: chown {os.geteuid()} {path}"
    if stat.S_IMODE(found.st_mode) & ~allowed:
        return f"others can read {path}. Type: chmod {allowed:o} {path}"
    return ""


def _check_disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    told = f"{free / 1e9:.1f} GB free"
    return Check("disk", free >= FREE_BYTES, told if free >= FREE_BYTES else f"only {told} at {folder}. Make room.")


def _check_database() -> Check:
    with connection.cursor():
        version = ".".join(str(part) for part in connection.get_database_version())
    mode = "team mode" if connection.vendor == "postgresql" else "embedded mode"
    return Check("database", True, f"{connection.display_name} {version}, {mode}")


def _check_journal() -> Check:
    """Without the write-ahead log writers fail under load, and readers wait for them."""
    if connection.vendor != "sqlite":
        return Check("journal", True, "the server's own")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        [mode] = cursor.fetchone()
    advice = f"the database is in mode '{mode}', not 'wal'. Move the data folder to a local disk."
    return Check("journal", mode == "wal", "wal" if mode == "wal" else advice)


def _check_migrations() -> Check:
    if unknown := list_unknown(list_applied()):
        return Check("migrations", False, f"a newer Kirikae made this database ({unknown[-1]}). Use that version.")
    if pending := list_pending():
        return Check("migrations", False, f"{len(pending)} are pending. Type: uv run manage.py migrate")
    return Check("migrations", True, "all applied")


def _check_clock() -> Check:
    """Against the database's server, and against what was written last: time does not go back."""
    now, written = timezone.now(), AuditEntry.objects.aggregate(at=Max("at"))["at"]
    if now < EARLIEST or (written and now < written - CLOCK_OFF_BY):
        return Check("clock", False, f"it shows {now:%Y-%m-%d %H:%M} UTC, which has been. Set it, and turn NTP on.")
    off_s = abs((_server_time() - now).total_seconds())
    if off_s > CLOCK_OFF_BY.total_seconds():
        return Check("clock", False, f"{off_s:.0f} s away from the database server's. Turn NTP on, on both.")
    return Check("clock", True, f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _server_time() -> datetime:
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


def _check_policy() -> Check:
    found = check_policy()
    return found if found.is_ok else Check("policy", False, "nothing is published. Type: uv run manage.py up")


def _check_worker() -> Check:
    found = check_worker()
    advice = f"{found.detail}. Start the portal, or read logs/worker.log in {settings.DATA_DIR}."
    return found if found.is_ok else Check("worker", False, advice)


def _check_queue() -> Check:
    if not settings.REDIS_URL:
        return Check("queue", True, "a folder of files")
    try:
        with celery_app.connection_for_write() as queue:
            queue.ensure_connection(max_retries=1, timeout=3)
    except (OSError, OperationalError) as error:
        return Check("queue", False, f"{str(error).rstrip('.')}. Check KIRIKAE_REDIS_URL, and that Valkey runs.")
    return Check("queue", True, "answers")
