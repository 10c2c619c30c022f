"""Whether an address can only be this machine."""

from functools import lru_cache
from urllib.parse import urlsplit

_LOOPBACK_NAMES = ("localhost", "::1")
_OCTETS = frozenset(map(str, range(256)))
# No backslash, no user, no space: clients of other languages would look for the host elsewhere.
_URL_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/[]")


# A Mac's runtimes answer at the same few addresses in every report.
@lru_cache(maxsize=256)
def is_loopback(base_url: str) -> bool:
    """Whether the address can only be this machine. An odd address, which two programs may read differently, is not."""
    if not set(base_url) <= _URL_CHARACTERS:
        return False
    try:
        address = urlsplit(base_url)
        host = (address.hostname or "").lower()
    except ValueError:
        return False
    if address.scheme not in ("http", "https"):
        return False
    if host in _LOOPBACK_NAMES:
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part in _OCTETS for part in parts)
