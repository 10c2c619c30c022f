"""SQLite under several writers at once, with the options of the settings."""

import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from portal import backends

WRITERS, WRITES = 8, 40


def write_often(path: Path, options: dict[str, object]) -> None:
    connection = sqlite3.connect(path, timeout=float(str(options["timeout"])), isolation_level=None)
    connection.executescript(str(options["init_command"]))
    for _ in range(WRITES):
        connection.execute(f"BEGIN {options['transaction_mode']}")
        [count] = connection.execute("SELECT count FROM counter").fetchone()
        connection.execute("UPDATE counter SET count = ?", [count + 1])
        connection.execute("COMMIT")
    connection.close()


@pytest.mark.slow
def test_eight_processes_write_at_once_and_no_write_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "database.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE counter (count INTEGER); INSERT INTO counter VALUES (0);")
    context = multiprocessing.get_context("spawn")
    options = backends.sqlite(path)["OPTIONS"]

    writers = [context.Process(target=write_often, args=(path, options)) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)

    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count FROM counter").fetchone() == (WRITERS * WRITES,)
