"""`backup FILE`, or `backup -`: the database and the portal's secrets in one file. The portal may run meanwhile."""

import os
import shutil
import sys
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.backups.archive import BackupError
from portal.backups.services import write_backup
from portal.backups.staging import staging
from portal.common.operator_commands import TerminalCommand
from portal.terminal import reason_of


class Command(TerminalCommand):
    help = gettext_noop(
        "Write the database and the portal's secrets into one file. Keep it as safe as the portal itself."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help=_("the file to write, not there yet; - for the standard output"))

    def handle(self, *args: object, file: Path, **options: object) -> str | None:
        os.umask(0o077)
        try:
            if str(file) != "-":
                return _back_up(file.expanduser().absolute())
            # The output may be the backup itself.
            self.stderr.write(_back_up_to_output(), style_func=str)
        except BackupError as error:
            raise CommandError(str(error)) from error
        return None


def _back_up(target: Path, *, shown: str = "") -> str:
    manifest = write_backup(target)
    told = _("Backed up and verified: %(path)s (%(bytes)d bytes, %(count)d files)")
    return told % {"path": shown or target, "bytes": target.stat().st_size, "count": len(manifest.digests)}


def _back_up_to_output() -> str:
    if sys.stdout.isatty():
        raise BackupError(_("A backup is not for the screen. Type: manage.py backup - > FILE"))
    try:
        with staging(settings.DATA_DIR) as folder:
            target = folder / "backup.zip"
            told = _back_up(target, shown=_("standard output"))
            with target.open("rb") as made:
                shutil.copyfileobj(made, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    except OSError as error:
        failed = _("The backup was not written: %(reason)s. Delete what there is of it.")
        raise BackupError(failed % {"reason": reason_of(error)}) from error
    return told
