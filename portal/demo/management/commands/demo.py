"""`demo [--scale N] [--remove]`: an invented team in an otherwise empty portal, and the portal as new again."""

from argparse import ArgumentParser
from time import perf_counter
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.common.database_errors import describe
from portal.common.operator_commands import OperatorCommand
from portal.demo.services import DemoRefusedError, ensure_demo, free_space_of_demo, remove_demo

MAX_SCALE = 1000


class Command(OperatorCommand):
    help = gettext_noop("Fill an empty portal with an invented team, or remove it again.")
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        # No `type=int`: argparse would answer with its usage, and in its own words.
        scale = _("N times the Macs, projects and decisions, for load (1 to %(most)d)") % {"most": MAX_SCALE}
        parser.add_argument("--scale", metavar="N", help=scale)
        parser.add_argument("--remove", action="store_true", help=_("empty the demo portal, so that it is as new"))

    def handle(self, *args: Any, **options: Any) -> None:
        scale = None if options["scale"] is None else _parse_scale(str(options["scale"]))
        if options["remove"] and scale is not None:
            raise CommandError(_("--scale and --remove do not go together; give one of them."))
        try:
            if options["remove"]:
                self._remove()
            else:
                self._make(scale)
        except DemoRefusedError as refused:
            raise CommandError(str(refused)) from refused

    def _remove(self) -> None:
        remove_demo()
        try:
            free_space_of_demo()
        except DatabaseError as error:
            # The demo itself is gone by now.
            told = _("The database's file still holds what was deleted: %(reason)s.")
            self.stderr.write(told % {"reason": describe(error)})
        self.stdout.write(_("The demo is removed. The next start of the portal prints a set-up link."))

    def _make(self, scale: int | None) -> None:
        began = perf_counter()
        self.stdout.write("\n".join(ensure_demo(scale=scale or 1)))
        if scale is not None:
            self.stdout.write(_("It took %(seconds).1f s.") % {"seconds": perf_counter() - began})


def _parse_scale(found: str) -> int:
    # int() would also take "1_0" and digits of other scripts; the length is bounded before it reads them.
    if found.isascii() and found.isdigit() and len(found) <= 9 and 1 <= int(found) <= MAX_SCALE:
        return int(found)
    told = _("--scale takes a whole number from 1 to %(most)d, not '%(found)s'.")
    raise CommandError(told % {"most": MAX_SCALE, "found": found[:40]})
