"""Folders of this machine in which protected work was seen, so that a cloud session beside them cannot read them.

A rule by remotes names no folder; only a look at the checkout shows that it is one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from kirikae.errors import PreflightError
from kirikae.home import Home

FILE = "protected_folders.json"
MAX_KEPT = 500


def remember_folder(home: Home, folder: Path) -> None:
    """Raises PreflightError."""
    known = list_folders(home)
    if folder not in known:
        home.write_json(FILE, {"folders": [str(one) for one in [*known, folder][-MAX_KEPT:]]})


def list_folders(home: Home) -> list[Path]:
    """Those that are still there. Raises PreflightError for a file that cannot be read: what it kept is unknown."""
    if not os.path.lexists(home.path / FILE):
        return []
    try:
        entries = json.loads(home.read_bytes(FILE) or b"")["folders"]
        folders = [Path(entry) for entry in entries if entry.startswith("/")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PreflightError("home.folders_unread", path=home.path / FILE) from error
    return [folder for folder in folders if folder.is_dir()]


def find_touched(folders: Iterable[Path], target: Path, *, is_search: bool) -> Path | None:
    """The folder that the target lies in or, for a search, that lies in the target."""
    return next(
        (
            folder
            for folder in folders
            if target.is_relative_to(folder) or (is_search and folder.is_relative_to(target))
        ),
        None,
    )
