"""Opens files that other programs wrote: only regular ones, as a pipe or a device would be read for ever."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

MAX_JSON_BYTES = 1024 * 1024


def open_regular(path: Path, *, buffer_bytes: int = 64 * 1024) -> BinaryIO:
    """Raises OSError. O_NONBLOCK: opening a named pipe would wait for its writer."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=buffer_bytes)
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError


def read_small_json(path: Path) -> Mapping[str, object]:
    """Empty for anything but a small regular file that holds an object."""
    try:
        with open_regular(path) as file:
            content = file.read(MAX_JSON_BYTES + 1)
        document = json.loads(content) if len(content) <= MAX_JSON_BYTES else None
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
