"""Public ids: random, typed by a prefix, never a sequence number."""

import secrets
import time
import uuid

# Crockford's alphabet in lower case: no i, l, o, u, so ids survive being read aloud.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_public_id(prefix: str) -> str:
    """For example `m_7k2n0q4x8d1zt5wc`: 80 random bits behind the prefix."""
    return f"{prefix}_{''.join(secrets.choice(ALPHABET) for _ in range(16))}"


def new_uuid7() -> uuid.UUID:
    """RFC 9562 version 7: 48 bits of milliseconds, then random; sorts by time of making."""
    value = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    return uuid.UUID(int=(value & ~(0x3 << 62)) | (0x2 << 62))
