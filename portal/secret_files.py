"""Secrets that the portal makes for itself at the first start: one 0600 file each in the data folder."""

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from portal.terminal import gettext as _
from portal.terminal import reason_of


def read_or_create(path: Path) -> str:
    """The file's text; when there is no file yet, it is made with 256 random bits."""
    try:
        return _read(path)
    except (FileNotFoundError, NotADirectoryError):
        return _create(path, secrets.token_urlsafe(32))
    except OSError as error:
        told = _("%(path)s cannot be read: %(reason)s.") % {"path": path, "reason": reason_of(error)}
        raise ImproperlyConfigured(told) from error


def read_or_create_lines(path: Path) -> list[str]:
    return read_or_create(path).split()


def _read(path: Path) -> str:
    """Never an empty text: whatever it signs would be open to everybody. Raises OSError and ImproperlyConfigured."""
    # A restored file may hold what the environment gave, in any script.
    text = path.read_bytes().decode(errors="replace").strip()
    if not text or "\N{REPLACEMENT CHARACTER}" in text:
        told = _("%(path)s is empty or damaged. Delete it, then restore a backup.")
        raise ImproperlyConfigured(told % {"path": path})
    return text


def _create(path: Path, text: str) -> str:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # O_EXCL: of two processes that start at once the second reads what the first wrote.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        if path.is_file():
            return _read(path)
        if os.path.lexists(path.parent) and not path.parent.is_dir():
            told = _("%(folder)s is no folder. Correct KIRIKAE_DATA_DIR or --data-dir.")
            raise ImproperlyConfigured(told % {"folder": path.parent}) from error
        raise _not_written(path, error) from error
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text + "\n")
    except OSError as error:
        # No room. What is there of it must not be taken for a secret later.
        path.unlink(missing_ok=True)
        raise _not_written(path, error) from error
    return text


def _not_written(path: Path, error: OSError) -> ImproperlyConfigured:
    told = _("%(path)s cannot be written: %(reason)s.")
    return ImproperlyConfigured(told % {"path": path, "reason": reason_of(error)})
