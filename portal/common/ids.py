"""Public ids: random, typed by a prefix, never a sequence number."""

import secrets
import uuid

from portal.common import clock
from routing.engine.answer import uuid7_text

# Crockford's alphabet in lower case: no i, l, o, u, so ids survive being read aloud.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_public_id(prefix: str) -> str:
    """For example `m_7k2n0q4x8d1zt5wc`: 80 random bits behind the prefix."""
    return f"{prefix}_{''.join(secrets.choice(ALPHABET) for _ in range(16))}"


def new_uuid7() -> uuid.UUID:
    """Sorts by the time of making."""
    return uuid.UUID(uuid7_text(clock.now(), secrets.token_bytes(10)))
