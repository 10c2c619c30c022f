"""The version of an installed client, from where it lies: starting it to ask would cost every launch 80 ms."""

from __future__ import annotations

import json
import re
from pathlib import Path

PACKAGE = "@anthropic-ai/claude-code"
_VERSION = re.compile(r"\d{1,4}\.\d{1,4}\.\d{1,6}")
# The oldest version with which the protected launch was tried.
FIRST_PROVEN = (2, 1, 197)


def find_version(program: str) -> str | None:
    """`…/versions/2.1.197`, `…/Caskroom/claude-code/2.1.197/claude`, or the npm package around the program."""
    path = Path(program).resolve()
    for part in reversed(path.parts):
        if _VERSION.fullmatch(part):
            return part
    for parent in list(path.parents)[:3]:
        found = _package_version(parent / "package.json")
        if found is not None:
            return found
    return None


def is_too_old(version: str | None) -> bool:
    """An unknown version is not called old: a link or a script of the developer's own tells none."""
    return version is not None and tuple(map(int, version.split("."))) < FIRST_PROVEN


def _package_version(file: Path) -> str | None:
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not str(document.get("name")).startswith(PACKAGE):
        return None
    version = str(document.get("version"))
    return version if _VERSION.fullmatch(version) else None
