"""`doctor`: one line for each thing that a portal needs, and what to do about those that are wrong."""

import sys
from unicodedata import east_asian_width

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.common.operator_commands import TerminalCommand
from portal.health.doctor import examine

NAME_WIDTH = 16


class Command(TerminalCommand):
    help = gettext_noop("Look at everything that the portal needs. Exit code 1 when something is wrong.")

    def handle(self, *args: object, **options: object) -> None:
        is_well = True
        marks = {True: _("ok"), False: _("WRONG")}
        width = max(map(width_of, marks.values()))
        for check in examine():
            is_well &= check.is_ok
            mark, name = padded(marks[check.is_ok], width), padded(check.name, NAME_WIDTH)
            self.stdout.write(f"{mark}  {name}  {check.detail}")
        if not is_well:
            sys.exit(1)


def padded(text: str, width: int) -> str:
    return text + " " * (width - width_of(text))


def width_of(text: str) -> int:
    """In columns of a terminal, where a Japanese letter takes two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
