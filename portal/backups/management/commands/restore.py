"""`restore FILE [--replace]`: a backup becomes this portal. Nobody may use the portal meanwhile."""

import os
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.backups.archive import BackupError
from portal.backups.services import restore_backup
from portal.embedded.checks import StartRefused, check_data_folder, lock_data_folder


class Command(BaseCommand):
    help = "Put a backup in the place of this portal's database and secrets. Stop the portal first."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a file that `backup` has written")
        parser.add_argument("--replace", action="store_true", help="also when this portal is in use already")

    def handle(self, *args: object, file: Path, replace: bool, **options: object) -> str:
        os.umask(0o077)
        try:
            check_data_folder(settings.DATA_DIR)
            with lock_data_folder(settings.DATA_DIR):
                done = restore_backup(file.expanduser().absolute(), can_replace=replace)
        except (BackupError, StartRefused) as error:
            raise CommandError(str(error)) from error
        kept = f"\nWhat was here before: {done.kept}" if done.kept else ""
        return f"Restored the backup of {done.manifest.made_at} under policy epoch {done.epoch}.{kept}"
