"""Types of arguments at the command line, for `add_argument(type=...)`."""

from argparse import ArgumentTypeError
from collections.abc import Callable

from django.utils.translation import gettext as _


def text_up_to(length: int) -> Callable[[str], str]:
    """SQLite keeps a text of any length, PostgreSQL refuses one that its column does not hold."""

    def read(text: str) -> str:
        if len(text) > length:
            raise ArgumentTypeError(
                _("%(found)d characters are too many; write at most %(most)d") % {"found": len(text), "most": length}
            )
        return text

    return read
