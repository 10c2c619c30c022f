"""Settings files of Claude Code: folders that they open, and what a protected launch leaves aside of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from kirikae.claude_managed import managed_documents

# As many as one line of a terminal holds.
MAX_TOLD_KEYS, MAX_KEY = 8, 40


class LeftAside(NamedTuple):
    """`keys`: the names at the top of the file; its values are nobody's business."""

    file: Path
    keys: tuple[str, ...]


def list_opened_folders(folder: Path) -> list[Path]:
    """`permissions.additionalDirectories` of the settings in force in this folder; relative ones count from it."""
    documents = [*map(_document, _settings_files(folder)), *managed_documents()]
    opened = (entry for document in documents for entry in _additional_directories(document))
    return [folder / _path(entry) for entry in dict.fromkeys(opened)]


def list_left_aside(folder: Path) -> list[LeftAside]:
    """Settings of the user and of the repository that a protected session does not read."""
    files = [*_settings_files(folder), *(parent / ".mcp.json" for parent in (folder, *folder.parents))]
    found = ((file, _document(file)) for file in dict.fromkeys(files))
    return [LeftAside(file, _told_keys(document)) for file, document in found if document]


def _told_keys(document: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(key for key in sorted(document) if key.isprintable() and len(key) <= MAX_KEY)[:MAX_TOLD_KEYS]


def _path(entry: str) -> Path:
    """The client takes only `~` and `~/` for a home folder; `~somebody` is a name like any other."""
    return Path(entry).expanduser() if entry == "~" or entry.startswith("~/") else Path(entry)


def _settings_files(folder: Path) -> Iterator[Path]:
    yield Path.home() / ".claude" / "settings.json"
    for parent in (folder, *folder.parents):
        yield parent / ".claude" / "settings.json"
        yield parent / ".claude" / "settings.local.json"


def _document(file: Path) -> Mapping[str, object]:
    """Empty for a file that is missing or that the client could not read either."""
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _additional_directories(document: Mapping[str, object]) -> list[str]:
    permissions = document.get("permissions")
    entries = permissions.get("additionalDirectories") if isinstance(permissions, dict) else None
    texts = [entry for entry in entries if isinstance(entry, str)] if isinstance(entries, list) else []
    # No folder has NUL in its name.
    return [text for text in texts if "\0" not in text]
