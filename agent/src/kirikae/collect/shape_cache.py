"""Remembers what GGUF headers told: a header takes up to a second to read and holds as long as its file does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from kirikae.collect.gguf_header import GgufError
from kirikae.collect.gguf_model import GgufModel, read_gguf_model
from kirikae.home import Home

KEPT = "shapes.json"
MAX_KEPT = 500
# A folder of hostile files must not hold a report; what is left is read for the next one.
READING_TIME_S = 5.0


class ShapeCache:
    """Files are kept by inode, size and time of change: no path is written down."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._before = home.read_json(KEPT)
        self._seen: dict[str, object] = {}
        self._ends_at = monotonic() + READING_TIME_S

    def read(self, path: Path) -> GgufModel | None:
        """None for a file that is missing, damaged, or no GGUF."""
        try:
            status = path.stat()
        except OSError:
            return None
        key = f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
        if key not in self._before and monotonic() > self._ends_at:
            return None
        model = _from_document(self._before[key]) if key in self._before else _read(path)
        self._seen[key] = model._asdict() if model else None
        return model

    def save(self) -> None:
        """Files that were not asked for this time are gone, or will be read again."""
        kept = dict(list(self._seen.items())[-MAX_KEPT:])
        if kept != self._before:
            self._home.keep_json(KEPT, kept)


def _read(path: Path) -> GgufModel | None:
    try:
        return read_gguf_model(path)
    except GgufError:
        return None


def _from_document(document: object) -> GgufModel | None:
    if not isinstance(document, Mapping) or set(document) != set(GgufModel._fields):
        return None
    return GgufModel(**document)
