"""`manage.py serve web|intake|worker|beat`: one process of a team's portal, after a look at what it needs."""

import os
import sys
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connections
from django.utils.translation import gettext_noop

from portal.common.operator_commands import TerminalCommand
from portal.common.schema import list_applied
from portal.embedded.checks import StartRefused
from portal.embedded.upgrade import refuse_newer
from portal.processes.programs import add_programs
from portal.processes.reachable import check_services


class Command(TerminalCommand):
    help = gettext_noop(
        "Run one process of the portal: web, intake, worker or beat. `manage.py prepare` comes first, once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_programs(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        try:
            # These answer without the queue, so they start without it as well.
            check_services(needs_queue=options["program"] not in ("web", "intake"))
            # After a rollback to an older version, say. Its code would read and write a schema that it does not know.
            refuse_newer(list_applied())
        except StartRefused as refused:
            raise CommandError(str(refused)) from refused
        connections.close_all()
        self._become_program()

    def _become_program(self) -> NoReturn:
        """Signals then reach the program itself, and nothing of this process stays in memory."""
        command = [sys.executable, "-m", "portal.processes.programs", *sys.argv[sys.argv.index("serve") + 1 :]]
        # The modules are found from any folder, and paths on the command line stay what they were.
        paths = os.pathsep.join(filter(None, (str(settings.BASE_DIR), os.environ.get("PYTHONPATH"))))
        os.execve(sys.executable, command, os.environ | {"PYTHONPATH": paths})  # noqa: S606 - no shell is wanted
