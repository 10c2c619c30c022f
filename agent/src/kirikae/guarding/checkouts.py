"""Checkouts inside a folder, which a search that starts there would read along."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from kirikae.errors import PreflightError
from kirikae.signals.markers import MARKER_FILE

# Packages that were installed, not checked out; they are most folders of many projects.
PASSED_OVER = frozenset([".git", "node_modules"])
MAX_FOLDERS, MAX_S = 100_000, 5.0


def find_checkouts(folder: Path) -> Iterator[Path]:
    """Those with signals of their own, the folder itself apart. Raises PreflightError where it holds too much."""
    deadline = monotonic() + MAX_S
    for number, (parent, names, files) in enumerate(os.walk(folder)):
        if number > MAX_FOLDERS or monotonic() > deadline:
            raise PreflightError("guard.too_wide", folder=folder.name)
        if number and (".git" in names or ".git" in files or MARKER_FILE in files):
            yield Path(parent)
        names[:] = [name for name in names if name not in PASSED_OVER]
