"""The portal's Ed25519 key: made at the first start, kept in the data folder, signs policy bundles."""

import base64
import os
import secrets
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from portal.terminal import gettext as _
from portal.terminal import reason_of


def get_signing_key() -> Ed25519PrivateKey:
    """The key of this data folder. Reads the file once a process; makes it when there is none."""
    return _load(Path(settings.SIGNING_KEY_FILE))


def public_key_base64() -> str:
    """The raw 32 bytes that agents pin when they enrol."""
    return base64.b64encode(get_signing_key().public_key().public_bytes_raw()).decode()


def sign(payload: bytes) -> str:
    """Base64 of the Ed25519 signature over exactly these bytes."""
    return base64.b64encode(get_signing_key().sign(payload)).decode()


@cache
def _load(path: Path) -> Ed25519PrivateKey:
    try:
        if not path.exists():
            _create(path)
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        told = _("%(path)s cannot be used: %(reason)s.") % {"path": path, "reason": reason_of(error)}
        raise ImproperlyConfigured(told) from error
    except ValueError as error:
        told = _("%(path)s holds no private key. Restore it from a backup.") % {"path": path}
        raise ImproperlyConfigured(told) from error
    if not isinstance(key, Ed25519PrivateKey):
        told = _("%(path)s holds a key of another kind; an Ed25519 key is needed.") % {"path": path}
        raise ImproperlyConfigured(told)
    return key


def _create(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written aside and then linked: a second process that starts at once reads the first one's whole
    # key. Two keys would make agents refuse every other bundle.
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        _link_if_first(aside, path)
    finally:
        aside.unlink()


def _link_if_first(aside: Path, path: Path) -> None:
    try:
        os.link(aside, path)
    except FileExistsError:
        return
