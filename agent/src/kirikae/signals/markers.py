"""Markers of the `.kirikae.toml` files from a folder up: `markers = ["acme"]`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

MARKER_FILE = ".kirikae.toml"
# A list of names. Of 64 KiB a single dotted key keeps `tomllib` busy for 13 s.
MAX_MARKER_BYTES = 4 * 1024


def read_markers(folders: Sequence[Path]) -> list[str] | None:
    """`folders`: the ways to one folder. None when a file there or above cannot be read: not "no markers"."""
    markers: list[str] = []
    for file in _files(folders):
        found = _read(file)
        if found is None:
            return None
        markers += found
    return list(dict.fromkeys(markers))


def find_unread_markers(folders: Sequence[Path]) -> Path | None:
    """The first file that cannot be read."""
    return next((file for file in _files(folders) if _read(file) is None), None)


def _files(folders: Sequence[Path]) -> Iterator[Path]:
    parents = dict.fromkeys(parent for folder in folders for parent in (folder, *folder.parents))
    return (parent / MARKER_FILE for parent in parents if os.path.lexists(parent / MARKER_FILE))


def _read(file: Path) -> list[str] | None:
    """None too for a link to nothing, a folder or a pipe: something stands there."""
    import tomllib  # noqa: PLC0415 - 10 ms that folders without the file need not pay

    try:
        if not file.is_file():
            return None
        with file.open("rb") as opened:
            content = opened.read(MAX_MARKER_BYTES + 1)
        document = tomllib.loads(content.decode()) if len(content) <= MAX_MARKER_BYTES else {}
    except (OSError, ValueError, RecursionError):
        return None
    markers = document.get("markers")
    is_list_of_text = isinstance(markers, list) and all(isinstance(marker, str) for marker in markers)
    return markers if is_list_of_text and isinstance(markers, list) else None
