"""Secrets that the portal makes for itself at the first start: one 0600 file each in the data folder."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def read_or_create(path: Path) -> str:
    """The file's text; when there is no file yet, it is made with 256 random bits."""
    try:
        return path.read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return _create(path, secrets.token_urlsafe(32))
    except OSError as error:
        raise ImproperlyConfigured(f"{path} cannot be read: {error.strerror}.") from error


def read_or_create_lines(path: Path) -> list[str]:
    return read_or_create(path).split()


def _create(path: Path, text: str) -> str:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # O_EXCL: of two processes that start at once the second reads what the first wrote.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        if path.is_file():
            return path.read_text().strip()
        raise ImproperlyConfigured(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")
    return text
