"""Types of arguments at the command line, for `add_argument(type=...)`."""

from argparse import ArgumentTypeError
from collections.abc import Callable


def text_up_to(length: int) -> Callable[[str], str]:
    """SQLite keeps a text of any length, PostgreSQL refuses one that its column does not hold."""

    def read(text: str) -> str:
        if len(text) > length:
            raise ArgumentTypeError(f"{len(text)} characters are too many; write at most {length}")
        return text

    return read
