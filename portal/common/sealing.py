"""Secrets that the portal has to use again: sealed in the database, opened with the peppers of the data folder.

A copy of the database alone does not tell them. New ones are sealed under the first pepper, older ones still open.
"""

import base64
import hashlib
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SealBroken(Exception):  # noqa: N818 - it tells a state
    """It was sealed under a pepper that is gone; the secret has to be entered again."""


def seal(secret: str) -> str:
    return _keys(tuple(settings.TOKEN_PEPPERS)).encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises SealBroken."""
    try:
        return _keys(tuple(settings.TOKEN_PEPPERS)).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SealBroken from error


@cache
def _keys(peppers: tuple[str, ...]) -> MultiFernet:
    # Tokens are stored under the same peppers: a key of its own for each use.
    digests = (hashlib.sha256(b"kirikae seal\0" + pepper.encode()).digest() for pepper in peppers)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
