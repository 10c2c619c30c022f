"""Folders of this machine in which protected work was seen, so that a cloud session beside them cannot read them.

A rule by remotes names no folder; only a look at the checkout shows that it is one.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from kirikae.errors import PreflightError
from kirikae.home import Home

FILE = "protected_folders.json"
MAX_KEPT = 500


def remember_folder(home: Home, folder: Path) -> None:
    """Raises PreflightError."""
    if folder in _kept_folders(home):
        return
    with home.alone(FILE):
        # One on a disk that is not there now is kept: it comes again.
        known = [one for one in _kept_folders(home) if one != folder]
        home.write_json(FILE, {"folders": [str(one) for one in [*known, folder][-MAX_KEPT:]]})


def list_folders(home: Home) -> list[Path]:
    """Those that are there. Raises PreflightError for a file that cannot be read: what it kept is unknown."""
    return [folder for folder in _kept_folders(home) if folder.is_dir()]


def _kept_folders(home: Home) -> list[Path]:
    if not os.path.lexists(home.path / FILE):
        return []
    try:
        entries = json.loads(home.read_bytes(FILE) or b"")["folders"]
        return [Path(entry) for entry in entries if entry.startswith("/")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PreflightError("home.folders_unread", path=home.path / FILE) from error


def find_touched(folders: Iterable[Path], target: Path, *, is_search: bool) -> Path | None:
    """The folder that the target lies in or, for a search, that lies in the target.

    Disks of Macs tell neither upper from lower case nor the two ways to write an accent.
    """
    wanted = _folded(target)
    return next(
        (
            folder
            for folder in folders
            if wanted.is_relative_to(_folded(folder)) or (is_search and _folded(folder).is_relative_to(wanted))
        ),
        None,
    )


def _folded(path: Path) -> Path:
    return Path(unicodedata.normalize("NFC", str(path)).casefold())
