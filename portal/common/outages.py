"""A database that is away, locked or read-only for a moment: "try again" (503), not "something broke" (500)."""

import logging
from collections.abc import Iterator

from django.db import InterfaceError, InternalError, OperationalError

_READ_ONLY_TRANSACTION = "25006"


class OneLine(logging.Filter):
    """Each page that asks while the database is away would log a whole trace of it, and its address, a token maybe."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and is_outage(error):
            record.msg, record.args = "database.unavailable: %s", (name_of(error),)
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def name_of(error: BaseException) -> str:
    return type(error.__cause__ or error).__name__


def is_outage(error: BaseException | None) -> bool:
    """Whether the error comes of a database that cannot work now."""
    return any(_tells_of_outage(cause) for cause in _causes(error))


def _tells_of_outage(error: BaseException) -> bool:
    if isinstance(error, InternalError):
        return getattr(error.__cause__, "sqlstate", None) == _READ_ONLY_TRANSACTION
    return isinstance(error, (OperationalError, InterfaceError))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it: after a lost connection the transaction around it fails in its own words."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
