"""What a database's error says to an operator: one line, without a trace."""

import shutil

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

# SQLite needs this much for the shared memory beside its log.
_LEAST_BYTES = 1 << 16


def describe(error: Exception) -> str:
    """SQLite says "disk I/O error" where there is no room for its log; that the disk is full says what to do."""
    text = _((str(error).splitlines() or [type(error).__name__])[0].rstrip("."))
    return _("the disk is full (%(reason)s)") % {"reason": text} if is_disk_full() else text


def is_disk_full() -> bool:
    """Of a database that writes to this machine's disk."""
    return connection.vendor == "sqlite" and shutil.disk_usage(settings.DATA_DIR).free < _LEAST_BYTES


# SQLite's own words; those of PostgreSQL come from its server.
_SQLITE = (
    gettext_noop("attempt to write a readonly database"),
    gettext_noop("database disk image is malformed"),
    gettext_noop("database is locked"),
    gettext_noop("database or disk is full"),
    gettext_noop("disk I/O error"),
    gettext_noop("file is not a database"),
    gettext_noop("unable to open database file"),
)
