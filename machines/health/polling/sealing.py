"""The tokens of agents' health endpoints, unreadable in the database and in its backups without the secret key."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings


def seal(token: str) -> str:
    return _box().encrypt(token.encode()).decode() if token else ""


def unseal(sealed: str) -> str | None:
    """None when it was sealed under another secret key; the machine's next report brings it again."""
    if not sealed:
        return ""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def _box() -> Fernet:
    key = hashlib.sha256(b"kirikae poll token\0" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
