"""Folders in which a conversation of Claude Code was held, from the file that it keeps of it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

# Every entry names the folder; in a long conversation the beginning and the end are looked at.
LOOKED_AT_BYTES = 1 << 18
_FOLDER = rb'"cwd":("(?:[^"\\\\]|\\\\.){1,4096}")'


def list_folders_of_transcript(file: Path) -> list[Path]:
    """Empty for a conversation that has no file yet."""
    try:
        if not file.is_file():
            return []
        with file.open("rb") as opened:
            content = opened.read(LOOKED_AT_BYTES)
            opened.seek(max(LOOKED_AT_BYTES, os.fstat(opened.fileno()).st_size - LOOKED_AT_BYTES))
            content += b"\n" + opened.read(LOOKED_AT_BYTES)
    except OSError:
        return []
    return [Path(folder) for text in dict.fromkeys(re.findall(_FOLDER, content)) if (folder := _text(text))]


def _text(quoted: bytes) -> str:
    try:
        text = json.loads(quoted)
    except ValueError:
        return ""
    return text if isinstance(text, str) and text.startswith("/") and "\0" not in text else ""
