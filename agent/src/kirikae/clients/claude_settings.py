"""Settings files of Claude Code: folders that they open, and what a protected launch leaves aside of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from kirikae.clients.claude_managed import managed_documents
from kirikae.engine.named_tuple import NamedTuple

# As many as one line of a terminal holds.
MAX_TOLD_KEYS, MAX_KEY = 8, 40
# The client was seen to read 2 MB and to leave 9 MB; what a larger file opens is unknown, so it opens everything.
MAX_BYTES = 16 * 1024 * 1024
OPENS_ALL: Mapping[str, object] = {"permissions": {"additionalDirectories": ["/"]}}


class LeftAside(NamedTuple):
    """`keys`: the names at the top of the file; its values are nobody's business."""

    file: Path
    keys: tuple[str, ...]


def list_opened_folders(folder: Path) -> list[Path]:
    """`permissions.additionalDirectories` of the settings in force in this folder; relative ones count from it."""
    # The client starts in the real folder, whatever way the shell shows.
    files = dict.fromkeys((*_settings_files(folder), *_settings_files(folder.resolve())))
    documents = [*map(_document, files), *managed_documents()]
    opened = dict.fromkeys(entry for document in documents for entry in _additional_directories(document))
    return [path for entry in opened for path in named_folders(entry, folder)]


def list_folders_opened_by(text: str, folder: Path) -> list[Path]:
    """The same for the value of the client's `--settings`: a file, or JSON itself."""
    document = read_settings(text)
    return [path for entry in _additional_directories(document or {}) for path in named_folders(entry, folder)]


def read_settings(text: str) -> Mapping[str, object] | None:
    """The value of `--settings`; None for what cannot be read, and for a pipe, which can be read only once."""
    if text.strip().startswith("{"):
        return _parse(text)
    path = Path(text.strip()).expanduser() if text.strip().startswith("~/") else Path(text.strip())
    try:
        return _parse(path.read_bytes()) if path.is_file() else None
    except (OSError, ValueError):
        return None


def named_folders(entry: str, base: Path) -> list[Path]:
    """Where a name leads, as the client reads it: trimmed, with a home folder, `..` taken out of the text.

    Behind a link `..` leads elsewhere on the disk than in the text; then both are told.
    """
    path = base / _path(entry.strip().strip("\ufeff").strip())
    return list(dict.fromkeys((path, Path(os.path.normpath(path)))))


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
    if named := os.environ.get("CLAUDE_CONFIG_DIR"):
        yield Path(named) / "settings.json"
    for parent in (folder, *folder.parents):
        yield parent / ".claude" / "settings.json"
        yield parent / ".claude" / "settings.local.json"


def _document(file: Path) -> Mapping[str, object]:
    """Empty for a file that is missing or that the client could not read either; read as the client reads it."""
    try:
        # A pipe in its place would be waited for without end.
        content = _beginning_of(file) if file.is_file() else b""
    except OSError:
        return {}
    return OPENS_ALL if len(content) > MAX_BYTES else _parse(_as_client_reads(content), whole=float) or {}


def _beginning_of(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(MAX_BYTES + 1)


def _as_client_reads(content: bytes) -> str:
    """Bytes that are no text cost it a letter, not the file."""
    if content.startswith(b"\xff\xfe"):
        return content[2:].decode("utf-16-le", "replace").removesuffix("\ufffd")
    return content.decode("utf-8", "replace").removeprefix("\ufeff")


def _parse(content: str | bytes, *, whole: Callable[[str], float] = int) -> Mapping[str, object] | None:
    """`whole` reads numbers: Python's own refuses some thousand digits, which JavaScript takes."""
    try:
        document = json.loads(content, parse_int=whole)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _additional_directories(document: Mapping[str, object]) -> list[str]:
    permissions = document.get("permissions")
    entries = permissions.get("additionalDirectories") if isinstance(permissions, dict) else None
    texts = [entry for entry in entries if isinstance(entry, str)] if isinstance(entries, list) else []
    # No folder has NUL in its name.
    return [text for text in texts if "\0" not in text]
