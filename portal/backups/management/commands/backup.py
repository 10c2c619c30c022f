"""`backup FILE`: the database and the portal's secrets in one file. The portal may run meanwhile."""

import os
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from portal.backups.archive import BackupError
from portal.backups.services import write_backup


class Command(BaseCommand):
    help = "Write the database and the portal's secrets into one file. Keep it as safe as the portal itself."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the file to write; it must not be there yet")

    def handle(self, *args: object, file: Path, **options: object) -> str:
        os.umask(0o077)
        target = file.expanduser().absolute()
        try:
            manifest = write_backup(target)
        except BackupError as error:
            raise CommandError(str(error)) from error
        return f"Backed up and verified: {target} ({target.stat().st_size} bytes, {len(manifest.digests)} files)"
