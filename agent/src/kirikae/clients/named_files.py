"""Files and folders that somebody names in an argument or mentions in a prompt (`@path`); a client reads those."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from kirikae.clients.claude_settings import named_folders

# Compiled when first used: few prompts mention a file. `@"a path"`, or what stands before the next space.
_MENTION = r'@(?:"([^"]+)"|(?=(\S{1,4096})))'
_ENDS = r"[^\w./~\\-]|(?<=[\x00-\x7f])(?=[^\x00-\x7f])|[.]+$"
# No system has longer paths; a prompt may be of any length.
MAX_PATH = 4096


def find_named(text: str, base: Path) -> list[Path]:
    """The file or folder that the whole text names; empty when there is none."""
    if not text or len(text) > MAX_PATH or "\0" in text:
        return []
    return [path for path in named_folders(text, base) if os.path.lexists(path)]


def find_told(text: str, base: Path) -> list[Path]:
    """What it mentions, and each word that names a file: a command's own text may hold the `@` for it."""
    words = (path for word in dict.fromkeys(text.split()) for path in find_named(word.strip("\"'`,"), base))
    return list(dict.fromkeys((*find_mentioned(text, base), *words)))


def find_mentioned(prompt: str, base: Path) -> list[Path]:
    """What stands after an `@` and is there; of a word that goes on behind the name, each beginning is tried."""
    texts = (text for mention in _mentions(prompt) for text in _beginnings(mention))
    return list(dict.fromkeys(path for text in texts for path in find_named(text, base)))


def _mentions(prompt: str) -> Iterator[str]:
    if "@" in prompt:
        yield from (match[1] or match[2] for match in re.finditer(_MENTION, prompt) if match[1] or match[2])


def _beginnings(mention: str) -> Iterator[str]:
    yield mention
    yield from (mention[: end.start()] for end in re.finditer(_ENDS, mention))
