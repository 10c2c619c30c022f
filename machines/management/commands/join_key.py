"""`join_key`: make a key with which machines enrol without a person, and print it alone."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from machines.enrolment import create_join_key
from portal.audit.services import OPERATOR
from portal.common.operator_commands import OperatorCommand

MAX_USES = 10_000
MAX_HOURS = 90 * 24


class Command(OperatorCommand):
    help = gettext_noop("Make a join key and print it. It is shown this once.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--uses", type=_whole_number_to(MAX_USES), default=1, help=_("how many machines may use it")
        )
        parser.add_argument("--hours", type=_whole_number_to(MAX_HOURS), default=24, help=_("how long it is valid"))

    def handle(self, *, uses: int, hours: int, **options: object) -> str:
        return create_join_key(uses=uses, lifetime=timedelta(hours=hours), by=None, actor=OPERATOR).text


def _whole_number_to(highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if text.isascii() and text.isdigit() and 1 <= int(text) <= highest:
            return int(text)
        raise ArgumentTypeError(
            _("'%(found)s' is no whole number from 1 to %(most)d") % {"found": text, "most": highest}
        )

    return read
