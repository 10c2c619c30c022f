"""SHA-256 of what lies on this machine."""

from __future__ import annotations

# `hashlib` loads OpenSSL, which takes longer (3 ms) than it saves on a policy of a thousand rules (1 ms).
try:
    from _sha2 import sha256  # type: ignore[import-not-found]  # has no stub; `hashlib` falls back to it as well
except ImportError:
    from hashlib import sha256


def sha256_hex(content: bytes) -> str:
    return str(sha256(content).hexdigest())
