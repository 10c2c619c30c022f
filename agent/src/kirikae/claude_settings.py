"""Folders that Claude Code's settings open besides the working directory: the session reads them too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path


def list_opened_folders(folder: Path) -> list[Path]:
    """`permissions.additionalDirectories` of the settings in force in this folder; relative ones count from it."""
    opened = (entry for file in _settings_files(folder) for entry in _additional_directories(file))
    return [folder / _path(entry) for entry in dict.fromkeys(opened)]


def _path(entry: str) -> Path:
    """The client takes only `~` and `~/` for a home folder; `~somebody` is a name like any other."""
    return Path(entry).expanduser() if entry == "~" or entry.startswith("~/") else Path(entry)


def _settings_files(folder: Path) -> Iterator[Path]:
    yield Path.home() / ".claude" / "settings.json"
    for parent in (folder, *folder.parents):
        yield parent / ".claude" / "settings.json"
        yield parent / ".claude" / "settings.local.json"


def _additional_directories(file: Path) -> list[str]:
    """Empty for a file that is missing or that the client could not read either."""
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    permissions = document.get("permissions") if isinstance(document, dict) else None
    entries = permissions.get("additionalDirectories") if isinstance(permissions, dict) else None
    texts = [entry for entry in entries if isinstance(entry, str)] if isinstance(entries, list) else []
    # No folder has NUL in its name.
    return [text for text in texts if "\0" not in text]
