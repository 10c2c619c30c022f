"""`doctor`: one line for each thing that a portal needs, and what to do about those that are wrong."""

import sys

from django.core.management.base import BaseCommand

from portal.health.doctor import examine


class Command(BaseCommand):
    help = "Look at everything that the portal needs. Exit code 1 when something is wrong."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        is_well = True
        for check in examine():
            is_well &= check.is_ok
            self.stdout.write(f"{'ok   ' if check.is_ok else 'WRONG'}  {check.name:15}  {check.detail}")
        if not is_well:
            sys.exit(1)
