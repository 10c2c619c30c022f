"""What a database's error says to an operator: one line, without a trace."""

import shutil

from django.conf import settings
from django.db import connection

# SQLite needs this much for the shared memory beside its log.
_LEAST_BYTES = 1 << 16


def describe(error: Exception) -> str:
    """SQLite says "disk I/O error" where there is no room for its log; that the disk is full says what to do."""
    text = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return f"the disk is full ({text})" if is_disk_full() else text


def is_disk_full() -> bool:
    """Of a database that writes to this machine's disk."""
    return connection.vendor == "sqlite" and shutil.disk_usage(settings.DATA_DIR).free < _LEAST_BYTES
