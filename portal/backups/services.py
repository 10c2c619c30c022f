"""Writing a backup, and restoring one into an empty portal or over the present one."""

import os
import platform
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from machines.models import Machine
from portal.accounts.models import ApiToken, User
from portal.audit.services import OPERATOR, record
from portal.backups.archive import (
    BackupError,
    Manifest,
    digest_of,
    extract_members,
    open_archive,
    read_manifest,
    write_archive,
)
from portal.backups.databases import copier
from portal.backups.staging import staging
from portal.common.models import PolicyHead
from portal.common.policy_head import least_epoch_after_restore
from portal.common.schema import list_applied, list_unknown
from portal.common.signing import get_signing_key
from portal.processes.reachable import explain
from portal.terminal import reason_of

SECRETS = ("secret_key", "token_peppers", "signing_key.pem")


@dataclass(frozen=True)
class Restored:
    """`kept` is the backup of what was there before; None when the portal was empty."""

    manifest: Manifest
    epoch: int
    kept: Path | None


def write_backup(target: Path) -> Manifest:
    """The database and the portal's secrets in one verified file; the portal may run. Raises BackupError."""
    if target.exists():
        raise BackupError(_("%(path)s is there already. Choose another name.") % {"path": target})
    with _explaining(target), staging(target.parent) as folder:
        if not list_applied():
            raise BackupError(_("The database is empty. Correct KIRIKAE_DATA_DIR or KIRIKAE_DATABASE_URL."))
        source = copier()
        source.dump(folder / source.member)
        _write_secrets(folder)
        members = {member: folder / member for member in (source.member, *SECRETS)}
        manifest = Manifest(
            made_at=timezone.now().isoformat(timespec="seconds"),
            database=connection.vendor,
            versions=_versions(),
            migrations=tuple(sorted(list_applied())),
            digests={member: digest_of(path) for member, path in members.items()},
        )
        write_archive(target, manifest, members=members, folder=folder)
    return manifest


def restore_backup(source: Path, *, can_replace: bool) -> Restored:
    """Into this portal's database and data folder, which nobody else may use meanwhile. Raises BackupError.

    A process that goes on would trust the secrets and the policy of before.

    Everything is checked before anything is changed, and what was there is backed up first.
    """
    with _explaining(settings.DATA_DIR), staging(settings.DATA_DIR) as folder:
        with open_archive(source) as archive:
            manifest = read_manifest(archive)
            _refuse_unfit(manifest, source)
            extract_members(archive, manifest, folder=folder)
        copier().refuse_while_used()
        present = _read_present()
        kept = _keep_present(can_replace=can_replace) if present.is_used else None
        epoch = _load_database(folder, present.epoch)
        for member in SECRETS:
            (folder / member).replace(settings.DATA_DIR / member)
    # A backup of an older version is brought up to this one.
    call_command("migrate", verbosity=0, interactive=False)
    _record_restore(manifest, epoch)
    return Restored(manifest, epoch, kept)


@dataclass(frozen=True)
class _Present:
    """What a restore would replace. Somebody who only started a new portal has nothing to lose yet."""

    is_used: bool
    epoch: int


def _read_present() -> _Present:
    applied = {app for app, _name in list_applied()}
    if not {"accounts", "common", "machines"} <= applied:
        return _Present(is_used=bool(applied), epoch=0)
    head = PolicyHead.objects.filter(pk=1).first() or PolicyHead(epoch=0)
    is_used = head.revision > 1 or any(model.objects.exists() for model in (User, ApiToken, Machine))
    return _Present(is_used, head.epoch)


def _keep_present(*, can_replace: bool) -> Path:
    if not can_replace:
        raise BackupError(_("This portal is in use already. Add --replace to put the backup in its place."))
    folder = settings.DATA_DIR / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = folder / f"before-restore-{timezone.now():%Y%m%d-%H%M%S-%f}.zip"
    write_backup(kept)
    return kept


def _refuse_unfit(manifest: Manifest, source: Path) -> None:
    if manifest.database != connection.vendor:
        told = _("%(path)s is of %(theirs)s, and this portal runs on %(ours)s.")
        raise BackupError(told % {"path": source, "theirs": manifest.database, "ours": connection.vendor})
    if unknown := list_unknown(manifest.migrations):
        told = _("%(path)s was made by a newer Kirikae (%(migration)s). Restore it with that version.")
        raise BackupError(told % {"path": source, "migration": unknown[-1]})
    if missing := {copier().member, *SECRETS} - set(manifest.digests):
        told = _("%(path)s is not complete: %(members)s is missing. Take another one.")
        raise BackupError(told % {"path": source, "members": ", ".join(sorted(missing))})


def _load_database(folder: Path, present_epoch: int) -> int:
    """Returns the new epoch, higher than every one that agents saw, here or before the backup."""
    target = copier()
    head, sessions = PolicyHead._meta.db_table, Session._meta.db_table
    # In the load's own transaction: no agent may see the older revision under the older epoch. And whoever signed out
    # after the backup must not be signed in again.
    least = max(present_epoch + 1, least_epoch_after_restore(timezone.now()))
    raise_epoch = f"UPDATE {head} SET epoch = CASE WHEN epoch >= {least} THEN epoch + 1 ELSE {least} END"  # noqa: S608 - a number of ours
    target.load(folder / target.member, then=(raise_epoch, f"DELETE FROM {sessions}"))  # noqa: S608 - a name of ours
    return PolicyHead.objects.filter(pk=1).values_list("epoch", flat=True).first() or 1


@transaction.atomic
def _record_restore(manifest: Manifest, epoch: int) -> None:
    head, _made = PolicyHead.objects.get_or_create(pk=1)
    data: dict[str, object] = {"made_at": manifest.made_at, "epoch": epoch, "revision": head.revision}
    record(by=None, actor=OPERATOR, action="backup.restored", subject=head, data=data)


def _write_secrets(folder: Path) -> None:
    """What is in use, which the environment may have given, and not what happens to lie in the folder."""
    get_signing_key()
    signing_key = Path(settings.SIGNING_KEY_FILE).read_bytes()
    texts = (settings.SECRET_KEY.encode(), "\n".join(settings.TOKEN_PEPPERS).encode(), signing_key)
    for member, content in zip(SECRETS, texts, strict=True):
        with os.fdopen(os.open(folder / member, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)


def _versions() -> dict[str, str]:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
    return {"kirikae": project["version"], "django": django.get_version(), "python": platform.python_version()}


@contextmanager
def _explaining(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        told = _("%(path)s cannot be written: %(reason)s.") % {"path": place, "reason": reason_of(error)}
        raise BackupError(told) from error
    except DatabaseError as error:
        raise BackupError(explain(error)) from error
