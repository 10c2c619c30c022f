"""Bringing the database to this checkout's schema, with a way back."""

from pathlib import Path

from django.core.management import call_command
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.backups.archive import BackupError
from portal.backups.services import write_backup
from portal.common.database_errors import describe
from portal.common.schema import Migrations, list_applied, list_pending, list_unknown
from portal.embedded.checks import StartRefused

BACKUPS_KEPT = 3


def upgrade_database(folder: Path) -> None:
    """Migrates; a database in `folder` is backed up before. Raises StartRefused, and then nothing was changed."""
    try:
        applied = list_applied()
        refuse_newer(applied)
        if applied and list_pending() and connection.vendor == "sqlite":
            _back_up(folder / "backups")
        call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as error:
        raise StartRefused(_("The database cannot be used: %(reason)s.") % {"reason": describe(error)}) from error
    except BackupError as error:
        told = _("No backup could be made before the upgrade. %(reason)s") % {"reason": error}
        raise StartRefused(told) from error


def refuse_newer(applied: Migrations) -> None:
    """Raises StartRefused for a schema that this checkout does not know."""
    if unknown := list_unknown(applied):
        told = _("The database was made by a newer Kirikae (%(migration)s). Start that version, or restore a backup.")
        raise StartRefused(told % {"migration": unknown[-1]})


def _back_up(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    write_backup(folder / f"before-migrate-{timezone.now():%Y%m%d-%H%M%S-%f}.zip")
    for old in sorted(folder.glob("before-migrate-*.zip"))[:-BACKUPS_KEPT]:
        old.unlink()
