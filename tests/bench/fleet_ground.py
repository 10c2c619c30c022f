"""A fleet in a team's database, written by SQL: machines with tokens that the bench knows, all seen just now."""

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

import psycopg

# One secret for all: a token is told from another by its id.
SECRET = "bench" + "0" * 38

SEED = """
WITH wanted AS (
    SELECT number, lpad(number::text, 12, '0') AS id
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS number
),
tokens AS (
    INSERT INTO accounts_apitoken (public_id, kind, name, scope, digest, pepper_id, created_at, expires_at)
    SELECT id, 'kmt', 'bench', 'machine', %(digest)s, %(pepper)s, now(), now() + interval '30 days' FROM wanted
    RETURNING id, public_id
),
machines AS (
    INSERT INTO machines_machine (public_id, name, token_id, state, state_since, created_at)
    SELECT 'm_' || public_id, 'bench-' || public_id, id, 'online', now(), now() FROM tokens RETURNING id
)
INSERT INTO machines_health (
    machine_id, seen_at, due_at, interval_s, messages, arrivals, boots, trouble, is_degraded, quarantine
)
SELECT id, now(), now() + interval '1 day', 60, 1, 2, '[]', 0, false, '' FROM machines
"""


@dataclass(frozen=True)
class Seed:
    first: int
    last: int

    @property
    def tokens(self) -> list[str]:
        return [f"kmt_{number:012}_{SECRET}" for number in range(self.first, self.last + 1)]


def seed_fleet(database_url: str, seed: Seed, *, data_dir: Path) -> None:
    pepper = (data_dir / "token_peppers").read_text().split()[0]
    values = {
        "first": seed.first,
        "last": seed.last,
        "digest": hmac.new(pepper.encode(), SECRET.encode(), hashlib.sha256).hexdigest(),
        "pepper": hashlib.sha256(b"kirikae pepper\0" + pepper.encode()).hexdigest()[:8],
    }
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SEED, values)
        connection.execute("ANALYZE machines_health, machines_machine, accounts_apitoken")
