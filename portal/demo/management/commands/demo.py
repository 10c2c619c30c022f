"""`demo [--remove]`: an invented team in an otherwise empty portal, and the portal as new again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.demo.services import DemoRefusedError, ensure_demo, remove_demo


class Command(BaseCommand):
    help = "Fills an empty portal with an invented team, or removes it again."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--remove", action="store_true", help="empty the demo portal, so that it is as new")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["remove"]:
                remove_demo()
                self.stdout.write("The demo is removed. The next start of the portal prints a set-up link.")
            else:
                self.stdout.write("\n".join(ensure_demo()))
        except DemoRefusedError as refused:
            raise CommandError(str(refused)) from refused
