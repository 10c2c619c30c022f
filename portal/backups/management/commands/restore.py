"""`restore FILE [--replace]`, or `restore -`: a backup becomes this portal. Nobody may use the portal meanwhile."""

import os
import shutil
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.backups.archive import BackupError
from portal.backups.services import restore_backup
from portal.backups.staging import staging
from portal.common.operator_commands import TerminalCommand
from portal.embedded.checks import StartRefused, check_data_folder, lock_data_folder
from portal.terminal import reason_of


class Command(TerminalCommand):
    help = gettext_noop("Put a backup in the place of this portal's database and secrets. Stop the portal first.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help=_("a file that `backup` has written; - for the standard input"))
        parser.add_argument("--replace", action="store_true", help=_("also when this portal is in use already"))

    def handle(self, *args: object, file: Path, replace: bool, **options: object) -> str:
        os.umask(0o077)
        try:
            check_data_folder(settings.DATA_DIR)
            with lock_data_folder(settings.DATA_DIR), _given(file) as source:
                done = restore_backup(source, can_replace=replace)
        except (BackupError, StartRefused) as error:
            raise CommandError(str(error)) from error
        told = _("Restored the backup of %(made_at)s under policy epoch %(epoch)d.")
        lines = [told % {"made_at": done.manifest.made_at, "epoch": done.epoch}]
        if done.kept:
            lines.append(_("What was here before: %(path)s") % {"path": done.kept})
        return "\n".join(lines)


@contextmanager
def _given(file: Path) -> Iterator[Path]:
    """The file, or a private copy of what comes in."""
    if str(file) != "-":
        yield file.expanduser().absolute()
        return
    if sys.stdin.isatty():
        raise BackupError(_("Nothing comes in. Type: manage.py restore - < FILE"))
    with staging(settings.DATA_DIR) as folder:
        copy = folder / "given.zip"
        try:
            with copy.open("wb") as target:
                shutil.copyfileobj(sys.stdin.buffer, target)
        except OSError as error:
            told = _("%(path)s cannot be written: %(reason)s.")
            raise BackupError(told % {"path": settings.DATA_DIR, "reason": reason_of(error)}) from error
        try:
            yield copy
        except BackupError as error:
            raise BackupError(str(error).replace(str(copy), _("What came in"))) from error
