"""A portal of its own for a test, on the database that the suite runs on: a new folder and, there, a new database."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.sql import SQL, Identifier

from tests.running import portal_environment


@dataclass(frozen=True)
class Place:
    """`variables` name the folder and the database."""

    data_dir: Path
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *arguments]
        environment = portal_environment(**self.variables, **more)
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)

    def pipe(self, given: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "manage.py", *arguments]
        environment = portal_environment(**self.variables)
        return subprocess.run(command, input=given, capture_output=True, timeout=60, env=environment, check=False)

    def manage(self, *arguments: str) -> str:
        """What a command prints that must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def refuse(self, *arguments: str, **more: str) -> str:
        """The one sentence of a command that must fail with exit code 1."""
        done = self.run(*arguments, **more)
        assert done.returncode == 1, done.stdout + done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        return done.stderr.strip()


def new_place(folder: Path) -> Place:
    variables = {"KIRIKAE_DATA_DIR": str(folder)}
    if url := server_url():
        name = f"place_{folder.parent.name}_{folder.name}".lower()[:60]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        address = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        variables |= {"KIRIKAE_DATABASE_URL": address}
    return Place(folder, variables)


def server_url() -> str:
    """Of the server that the suite runs on; empty on SQLite."""
    return os.environ.get("KIRIKAE_DATABASE_URL", "")
