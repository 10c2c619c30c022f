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
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from kombu.exceptions import OperationalError

from portal.audit.models import AuditEntry
from portal.backups.services import SECRETS
from portal.celery import app as celery_app
from portal.common.policy_head import get_head
from portal.common.schema import list_applied, list_pending, list_unknown
from portal.embedded.checks import StartRefused, check_data_folder
from portal.health.services import WORKER_LATE_AFTER_S, Check, find_worker_age_s
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
        yield Check(_("database"), False, explain(error))


def _check_data_folder(folder: Path) -> Check:
    try:
        check_data_folder(folder)
    except StartRefused as refused:
        return Check(_("data folder"), False, str(refused))
    if problem := _openness(folder, allowed=0o700):
        return Check(_("data folder"), False, problem)
    return Check(_("data folder"), True, str(folder))


def _check_secret(path: Path) -> Check:
    if not path.exists():
        # The signing key is made with the first bundle.
        return Check(path.name, True, _("not made yet"))
    problem = _openness(path, allowed=0o600)
    return Check(path.name, not problem, problem or _("only its owner can read it"))


def _openness(path: Path, *, allowed: int) -> str:
    """What is wrong with the owner or the mode; empty when nothing is."""
    found = path.stat()
    if found.st_uid != os.geteuid():
        told = _("%(path)s belongs to another user. Run the portal as its owner, or type: chown %(user)d %(path)s")
        return told % {"path": path, "user": os.geteuid()}
    if stat.S_IMODE(found.st_mode) & ~allowed:
        return _("others can read %(path)s. Type: chmod %(mode)s %(path)s") % {"path": path, "mode": f"{allowed:o}"}
    return ""


def _check_disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    told = _("%(free).1f GB free") if free >= FREE_BYTES else _("only %(free).1f GB free at %(folder)s. Make room.")
    return Check(_("disk"), free >= FREE_BYTES, told % {"free": free / 1e9, "folder": folder})


def _check_database() -> Check:
    with connection.cursor():
        version = ".".join(str(part) for part in connection.get_database_version())
    mode = _("team mode") if connection.vendor == "postgresql" else _("embedded mode")
    return Check(_("database"), True, f"{connection.display_name} {version}, {mode}")


def _check_journal() -> Check:
    """Without the write-ahead log writers fail under load, and readers wait for them."""
    if connection.vendor != "sqlite":
        return Check(_("journal"), True, _("the server's own"))
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        [mode] = cursor.fetchone()
    advice = _("the database is in mode '%(mode)s', not 'wal'. Move the data folder to a local disk.")
    return Check(_("journal"), mode == "wal", "wal" if mode == "wal" else advice % {"mode": mode})


def _check_migrations() -> Check:
    if unknown := list_unknown(list_applied()):
        told = _("a newer Kirikae made this database (%(migration)s). Use that version.")
        return Check(_("migrations"), False, told % {"migration": unknown[-1]})
    if pending := list_pending():
        told = ngettext(
            "%(count)d is pending. Type: uv run manage.py migrate",
            "%(count)d are pending. Type: uv run manage.py migrate",
            len(pending),
        )
        return Check(_("migrations"), False, told % {"count": len(pending)})
    return Check(_("migrations"), True, _("all applied"))


def _check_clock() -> Check:
    """Against the database's server, and against what was written last: time does not go back."""
    now, written = timezone.now(), AuditEntry.objects.aggregate(at=Max("at"))["at"]
    if now < EARLIEST or (written and now < written - CLOCK_OFF_BY):
        told = _("it shows %(time)s UTC, which has been. Set it, and turn NTP on.")
        return Check(_("clock"), False, told % {"time": f"{now:%Y-%m-%d %H:%M}"})
    off_s = abs((_server_time() - now).total_seconds())
    if off_s > CLOCK_OFF_BY.total_seconds():
        told = _("%(seconds).0f s away from the database server's. Turn NTP on, on both.")
        return Check(_("clock"), False, told % {"seconds": off_s})
    return Check(_("clock"), True, f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _server_time() -> datetime:
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


def _check_policy() -> Check:
    if revision := get_head().revision:
        return Check(_("policy"), True, _("revision %(number)d") % {"number": revision})
    return Check(_("policy"), False, _("nothing is published. Type: uv run manage.py up"))


def _check_worker() -> Check:
    age_s = find_worker_age_s()
    seen = _("never seen") if age_s is None else _("seen %(seconds)d s ago") % {"seconds": age_s}
    if age_s is not None and age_s <= WORKER_LATE_AFTER_S:
        return Check(_("worker"), True, seen)
    advice = _("%(seen)s. Start the portal, or read logs/worker.log in %(folder)s.")
    return Check(_("worker"), False, advice % {"seen": seen, "folder": settings.DATA_DIR})


def _check_queue() -> Check:
    if not settings.REDIS_URL:
        return Check(_("queue"), True, _("a folder of files"))
    try:
        with celery_app.connection_for_write() as queue:
            queue.ensure_connection(max_retries=1, timeout=3)
    except (OSError, OperationalError) as error:
        told = _("%(reason)s. Check KIRIKAE_REDIS_URL, and that Valkey runs.")
        return Check(_("queue"), False, told % {"reason": str(error).rstrip(".")})
    return Check(_("queue"), True, _("answers"))
