"""`restore FILE [--replace]`, or `restore -`: a backup becomes this portal. Nobody may use the portal meanwhile."""

import os
import shutil
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.backups.archive import BackupError
from portal.backups.services import restore_backup
from portal.backups.staging import staging
from portal.embedded.checks import StartRefused, check_data_folder, lock_data_folder


class Command(BaseCommand):
    help = "Put a backup in the place of this portal's database and secrets. Stop the portal first."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a file that `backup` has written; - for the standard input")
        parser.add_argument("--replace", action="store_true", help="also when this portal is in use already")

    def handle(self, *args: object, file: Path, replace: bool, **options: object) -> str:
        os.umask(0o077)
        try:
            check_data_folder(settings.DATA_DIR)
            with lock_data_folder(settings.DATA_DIR), _given(file) as source:
                done = restore_backup(source, can_replace=replace)
        except (BackupError, StartRefused) as error:
            raise CommandError(str(error)) from error
        kept = f"\nWhat was here before: {done.kept}" if done.kept else ""
        return f"Restored the backup of {done.manifest.made_at} under policy epoch {done.epoch}.{kept}"


@contextmanager
def _given(file: Path) -> Iterator[Path]:
    """The file, or a private copy of what comes in."""
    if str(file) != "-":
        yield file.expanduser().absolute()
        return
    if sys.stdin.isatty():
        raise BackupError("Nothing comes in. Type: manage.py restore - < FILE")
    with staging(settings.DATA_DIR) as folder:
        copy = folder / "given.zip"
        try:
            with copy.open("wb") as target:
                shutil.copyfileobj(sys.stdin.buffer, target)
        except OSError as error:
            raise BackupError(f"{settings.DATA_DIR} cannot be written: {error.strerror}.") from error
        try:
            yield copy
        except BackupError as error:
            raise BackupError(str(error).replace(str(copy), "What came in")) from error
