"""Files that Claude Code reads by itself, without a tool or a mention: instructions, rules, commands, skills, styles.

Only those count that lead elsewhere, by a link or by an import in them (`@path`): what lies in the folders of the
session is judged with these.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from kirikae.clients.named_files import find_mentioned
from kirikae.errors import PreflightError

INSTRUCTIONS = ("CLAUDE.md", "CLAUDE.local.md", ".claude/CLAUDE.md")
FOLDERS = ("rules", "commands", "skills", "agents", "output-styles", "workflows")
# As deep as the client follows imports.
MAX_DEPTH = 5
# Far above what anybody writes; a folder that links to everything must not hold a prompt for minutes.
MAX_FILES, MAX_BYTES = 4000, 1 << 20


def list_unasked_files(folders: Iterable[Path], config_folder: Path | None = None) -> list[Path]:
    """Real paths of what is read and lies elsewhere than it seems. Raises PreflightError where there are too many."""
    starts = [file for folder in folders for file in _files_of(folder, folder / ".claude")]
    if config_folder is not None:
        starts += [*_present(config_folder / "CLAUDE.md"), *_files_below(config_folder)]
    seen: dict[Path, None] = {}
    for file in starts:
        _follow(file, seen, depth=0)
    as_they_lie = {Path(os.path.abspath(file)) for file in starts}  # noqa: PTH100 - not following links is the point
    return [file for file in seen if file not in as_they_lie]


def _files_of(folder: Path, client_folder: Path) -> Iterator[Path]:
    for name in INSTRUCTIONS:
        yield from _present(folder / name)
    yield from _files_below(client_folder)


def _present(file: Path) -> list[Path]:
    return [file] if file.is_file() else []


def _files_below(client_folder: Path) -> Iterator[Path]:
    """Links to folders are followed, each folder once."""
    seen: set[str] = set()
    found = 0
    for name in FOLDERS:
        for parent, names, files in os.walk(client_folder / name, followlinks=True):
            real = os.path.realpath(parent)
            if real in seen:
                names.clear()
                continue
            seen.add(real)
            found += len(names) + len(files)
            if found > MAX_FILES:
                raise PreflightError("guard.too_many_files", folder=client_folder / name)
            yield from (Path(parent, file) for file in files if file.endswith(".md"))


def _follow(file: Path, seen: dict[Path, None], *, depth: int) -> None:
    real = file.resolve()
    if real in seen or depth > MAX_DEPTH:
        return
    seen[real] = None
    if len(seen) > MAX_FILES:
        raise PreflightError("guard.too_many_files", folder=file.parent)
    for named in find_mentioned(_read(real), real.parent):
        _follow(named, seen, depth=depth + 1)


def _read(file: Path) -> str:
    """Empty for what the client could not read either, and for a folder or a pipe."""
    try:
        if not file.is_file():
            return ""
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
