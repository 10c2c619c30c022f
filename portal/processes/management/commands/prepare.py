"""`manage.py prepare`: once before a team's processes start, and after each update."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.common.operator_commands import TerminalCommand
from portal.embedded.checks import StartRefused
from portal.processes.preparing import prepare
from portal.processes.reachable import check_services
from portal.setup.services import issue_setup_token, needs_setup


class Command(TerminalCommand):
    help = gettext_noop(
        "Bring database and static files up to date, and print a set-up link while nobody has an account."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        try:
            check_services()
            prepare()
        except StartRefused as refused:
            raise CommandError(str(refused)) from refused
        if needs_setup():
            address = f"{settings.BASE_URL}/setup/{issue_setup_token()}"
            self.stdout.write(_("Set up: %(address)s (once, 1 h)") % {"address": address})
