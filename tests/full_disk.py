"""PostgreSQL on a disk that fills up: run inside a mount namespace of its own, prints what its portal said as JSON."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from io import RawIOBase
from pathlib import Path
from threading import Event

import psycopg

from tests.places import Place
from tests.servers.postgresql import PostgreSQL, create_cluster

SIZE = "160m"
# One transaction that needs more room than a full disk has.
RULES = 4_000


def main(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(disk)], check=True)
    create_cluster(disk)
    server = PostgreSQL(disk, options=("max_wal_size=32MB", "min_wal_size=32MB"))
    server.start()
    url = server.url()
    place = Place(folder / "data", {"KIRIKAE_DATA_DIR": str(folder / "data"), "KIRIKAE_DATABASE_URL": url})
    try:
        place.manage("migrate", "-v", "0")
        place.manage("api_token", "--name", "before", "--scope", "read")
        place.manage("policy", "export", str(folder / "first.yaml"))
        policy = write_large_policy(folder / "policy.yaml")
        with kept_full(disk):
            done = place.run("policy", "import", str(policy), "--publish")
        # A server that could not write its log has ended; whoever runs it starts it again.
        server.stop()
        server.start()
        place.manage("api_token", "--name", "after", "--scope", "read")
        with psycopg.connect(url) as connection:
            names = connection.execute("SELECT name FROM accounts_apitoken ORDER BY id").fetchall()
            revisions = connection.execute("SELECT count(*) FROM routing_policyrevision").fetchone()
    finally:
        server.stop()
    print(json.dumps({"code": done.returncode, "said": done.stderr, "tokens": [name for (name,) in names],
                      "revisions": revisions and revisions[0]}))  # fmt: skip


def write_large_policy(file: Path) -> Path:
    rule = "  - {{id: rule-{0}, effect: local_only, match: {{remotes: [github.com/client-{0}/**]}}}}"
    file.write_text("\n".join(["version: 1", "privacy_rules:", *(rule.format(number) for number in range(RULES))]))
    return file


@contextmanager
def kept_full(disk: Path) -> Iterator[None]:
    """Full before the first and until the last step: a checkpoint gives back room that it no longer needs."""
    filler, is_over = disk / "filler", Event()
    with filler.open("wb", buffering=0) as file, ThreadPoolExecutor(1) as pool:
        fill(file)
        pool.submit(keep_full, file, is_over)
        try:
            yield
        finally:
            is_over.set()
    filler.unlink()


def keep_full(file: RawIOBase, is_over: Event) -> None:
    while not is_over.wait(timeout=0.005):
        fill(file)


def fill(file: RawIOBase) -> None:
    with suppress(OSError):
        while True:
            file.write(b"\0" * 4096)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
