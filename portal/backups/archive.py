"""The file of a backup: a ZIP with mode 0600 whose manifest names the digest of each member. No database here.

The comment at its end is the digest of all bytes before, for a ZIP itself does not notice every flipped bit.
"""

import contextlib
import hashlib
import json
import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from django.utils.translation import gettext as _

from portal.terminal import reason_of

# Raised when an older portal could not restore the file any more.
FORMAT = 1
MANIFEST = "manifest.json"
_PLAIN_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
_SEAL_BYTES = 64
_CHUNK_BYTES = 1 << 20
# What reading a member may raise. RuntimeError: it is encrypted, packed in a way that is not known, or nested too deep.
_UNREADABLE = (KeyError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


class BackupError(Exception):
    """No backup was written or restored; the text is one sentence and says what to do."""


@dataclass(frozen=True)
class Manifest:
    """`versions` are told to people; what decides are `format`, `database` (Django's vendor) and `migrations`."""

    made_at: str
    database: str
    versions: Mapping[str, str]
    migrations: tuple[tuple[str, str], ...]
    digests: Mapping[str, str]
    format: int = FORMAT


def write_archive(target: Path, manifest: Manifest, *, members: Mapping[str, Path], folder: Path) -> None:
    """All or nothing: written in `folder`, read back, then given its name. Raises BackupError and OSError."""
    aside = folder / "archive.zip"
    handle = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.comment = b"0" * _SEAL_BYTES
                archive.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))
                for name, path in members.items():
                    archive.write(path, name)
            file.flush()
            seal(aside)
            os.fsync(file.fileno())
        with open_archive(aside) as archive:
            extract_members(archive, read_manifest(archive), folder=None)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    _sync_folder(target.parent)


def seal(path: Path) -> None:
    with path.open("r+b") as file:
        digest = _digest_before_seal(file)
        file.seek(-_SEAL_BYTES, os.SEEK_END)
        file.write(digest)


def open_archive(path: Path) -> zipfile.ZipFile:
    try:
        with path.open("rb") as file:
            is_whole = _digest_before_seal(file) == file.read(_SEAL_BYTES)
    except OSError as error:
        told = _("%(path)s cannot be read: %(reason)s.") % {"path": path, "reason": reason_of(error)}
        raise BackupError(told) from error
    try:
        if is_whole:
            return zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        pass  # its seal is right, and yet it is something else
    raise BackupError(_("%(path)s is no backup, or it is damaged. Take another one.") % {"path": path})


def read_manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        document = json.loads(archive.read(MANIFEST))
        # First, for a later format may look different in everything else.
        if document["format"] > FORMAT:
            told = _("%(path)s was made by a newer Kirikae. Restore it with that version.")
            raise BackupError(told % {"path": archive.filename})
        return _manifest_from(document)
    except (TypeError, ValueError, AttributeError, *_UNREADABLE) as error:
        raise _damaged(archive, MANIFEST) from error


def extract_members(archive: zipfile.ZipFile, manifest: Manifest, *, folder: Path | None) -> None:
    """Each member of the manifest into `folder` with mode 0600 (None: only read). Raises BackupError and OSError."""
    for name, digest in manifest.digests.items():
        # Names are ours; a crafted one must not lead out of the folder or onto another member.
        if not _PLAIN_NAME.fullmatch(name):
            raise _damaged(archive, repr(name))
        with contextlib.ExitStack() as stack:
            copy = stack.enter_context(_create(folder / name)) if folder else None
            if _digest_of_member(archive, name, copy) != digest:
                raise _damaged(archive, name)


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_before_seal(file: IO[bytes]) -> bytes:
    """Leaves the file at its seal."""
    left = max(0, file.seek(0, os.SEEK_END) - _SEAL_BYTES)
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(min(left, _CHUNK_BYTES)):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest().encode()


def _digest_of_member(archive: zipfile.ZipFile, name: str, copy: IO[bytes] | None) -> str:
    digest = hashlib.sha256()
    try:
        with archive.open(name) as member:
            while chunk := member.read(_CHUNK_BYTES):
                digest.update(chunk)
                if copy is not None:
                    copy.write(chunk)
    except _UNREADABLE as error:
        raise _damaged(archive, name) from error
    return digest.hexdigest()


def _manifest_from(document: dict[str, Any]) -> Manifest:
    return Manifest(
        made_at=str(document["made_at"]),
        database=str(document["database"]),
        versions={str(name): str(version) for name, version in document["versions"].items()},
        migrations=tuple((str(app), str(name)) for app, name in document["migrations"]),
        digests={str(name): str(digest) for name, digest in document["digests"].items()},
        format=int(document["format"]),
    )


def _create(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _damaged(archive: zipfile.ZipFile, name: str) -> BackupError:
    told = _("%(path)s is damaged (%(member)s). Take another one.")
    return BackupError(told % {"path": archive.filename, "member": name})


def _sync_folder(folder: Path) -> None:
    """The new name itself must reach the disk; some network shares do not know this."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
