"""Repositories on this disk that a repository was cloned from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from kirikae.signals.git import Addresses, Remote, find_addresses, find_repository

# Of clones of clones; each costs a call of git.
MAX_SOURCES = 16


def find_sources(root: Path, remotes: Sequence[Remote]) -> tuple[dict[Path, Addresses], bool]:
    """By folder, and whether those are all: remotes that are folders, and theirs in turn.

    A local clone belongs to what it was cloned from.
    """
    found: dict[Path, Addresses] = {}
    seen, waiting = {root.resolve()}, [(root, remote.url) for remote in remotes]
    while waiting and len(found) < MAX_SOURCES:
        near, url = waiting.pop(0)
        path = _local_path(near, url)
        if path is None or path.resolve() in seen:
            continue
        seen.add(path.resolve())
        repository = find_repository(path)
        addresses = find_addresses(repository) if repository else None
        if addresses is not None:
            found[path.resolve()] = addresses
            waiting += [(path, remote.url) for remote in addresses.remotes]
    return found, len(found) < MAX_SOURCES


def _local_path(repository: Path, url: str) -> Path | None:
    text = url
    if url.startswith("file://"):
        from urllib.parse import unquote  # noqa: PLC0415 - 5 ms that few remotes need

        # As git reads it.
        text = unquote(url.removeprefix("file://"), errors="surrogateescape")
    if "://" in text or re.match(r"[^/]*:", text):
        return None
    try:
        path = repository / Path(text).expanduser()
    except RuntimeError:
        # The home folder of somebody who has none here.
        return None
    return path if path.is_dir() else None
