"""`.ci/bench pages [SCALE]`: what each page and API list costs with the demo of so many times its size (100).

On a PostgreSQL of its own, which does all work of a query in one process, so that its CPU can be told. Exit code 1 when
a page takes more than the target.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import psycopg

from tests.running import portal_environment
from tests.servers.postgresql import QUICK, running_postgresql

TARGET_MS = 300.0
# Ten thousand rows, which go out as they are read.
STREAMED = "log as CSV"
COLUMNS = ("admin", "developer")
ASK = "from tests.bench.pages_asked import main; main()"


def ask_all(scale: str) -> Iterator[dict[str, Any]]:
    options = (*QUICK, "max_parallel_workers_per_gather=0")
    with tempfile.TemporaryDirectory(prefix="kirikae-bench-") as data, running_postgresql(options=options) as server:
        environment = portal_environment(KIRIKAE_DATA_DIR=data, KIRIKAE_DATABASE_URL=server.url())
        for arguments in (("prepare",), ("demo", "--scale", scale)):
            command = [sys.executable, "manage.py", *arguments]
            subprocess.run(command, env=environment, stdout=sys.stderr, check=True)
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        yield from read_lines([sys.executable, "manage.py", "shell", "-v", "0", "-c", ASK], environment)


def read_lines(command: list[str], environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        yield from map(json.loads, asking.stdout)
    if asking.returncode:
        sys.exit(asking.returncode)


def main(arguments: list[str]) -> None:
    missed = []
    print("| page | queries | kB | admin or program, ms | developer, ms |\n|---|---|---|---|---|")
    for page, asked in groupby(ask_all(*arguments or ["100"]), key=itemgetter("page")):
        found = {"developer" if one["who"] == "developer" else "admin": one for one in asked if one["status"] == 200}
        print(
            f"| {page} | {line_of(list(found.values()))} | {' | '.join(map(sum_of, map(found.get, COLUMNS)))} |",
            flush=True,
        )
        slowest_ms = max(one["cpu_ms"] + one["database_ms"] for one in found.values())
        if slowest_ms > TARGET_MS and page != STREAMED:
            missed.append(page)
    if missed:
        sys.exit(f"over {TARGET_MS:.0f} ms: {', '.join(missed)} (load of this machine: {os.getloadavg()[0]:.1f})")


def line_of(answers: list[dict[str, Any]]) -> str:
    """The most queries and the largest answer."""
    return f"{max(one['queries'] for one in answers)} | {max(one['kilobytes'] for one in answers):.0f}"


def sum_of(one: dict[str, Any] | None) -> str:
    """CPU of the portal and of the database; a dash for those who may not see it."""
    return f"{one['cpu_ms']:.0f} + {one['database_ms']:.0f}" if one else "–"


if __name__ == "__main__":
    main(sys.argv[1:])
