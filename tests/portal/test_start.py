"""A database or queue that cannot be used stops each command with one sentence that keeps the password to itself."""

import socketserver
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import redis
from django.db.utils import ConnectionHandler

from portal.embedded.checks import StartRefused
from portal.processes.reachable import check_database
from tests.running import free_port, portal_environment
from tests.servers.postgresql import PostgreSQL, running_postgresql
from tests.servers.valkey import running_valkey

pytestmark = pytest.mark.slow

PASSWORD = "canary-9431"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    """A server that lets `kirikae` in, asks `asker` for a password and lets `reader` read only."""
    with running_postgresql() as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE asker LOGIN PASSWORD '{PASSWORD}'")
            connection.execute("CREATE ROLE reader LOGIN")
            connection.execute("ALTER ROLE reader SET default_transaction_read_only = on")
        rules = server.folder / "data" / "pg_hba.conf"
        rules.write_text("local all asker scram-sha-256\nlocal all all trust\n")
        server.stop()
        server.start()
        yield server


def refusal_of(*arguments: str, **environment: str) -> str:
    """stderr of a command that must end with exit code 1 after one sentence."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=portal_environment(**environment),
        check=False,
    )
    assert done.returncode == 1, done
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert PASSWORD not in done.stderr
    return done.stderr


COMMANDS = [("up", "--port", "0"), ("prepare",), ("serve", "web"), ("serve", "beat", "--schedule", "x")]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_does_not_answer_is_named(command: tuple[str, ...], tmp_path: Path) -> None:
    port = free_port()

    told = refusal_of(
        *command,
        KIRIKAE_DATA_DIR=str(tmp_path),
        KIRIKAE_DATABASE_URL=f"postgresql://kirikae:{PASSWORD}@127.0.0.1:{port}/kirikae",
    )

    assert f"'kirikae' on 127.0.0.1 port {port} does not answer" in told
    assert "KIRIKAE_DATABASE_URL" in told


@pytest.mark.parametrize(
    ("user", "database", "sentence"),
    [
        (f"asker:{PASSWORD}x", "postgres", "refuses user 'asker' or the password"),
        ("asker", "postgres", "refuses user 'asker' or the password"),
        ("nobody-here", "postgres", "does not know user 'nobody-here'"),
        ("kirikae", "nowhere", "does not exist"),
        ("reader", "postgres", "is read-only"),
    ],
)
def test_a_database_that_refuses_says_what_to_correct(
    user: str, database: str, sentence: str, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    url = f"postgresql://{user}@/{database}?host={quote(str(postgresql.folder), safe='')}"

    told = refusal_of("prepare", KIRIKAE_DATA_DIR=str(tmp_path), KIRIKAE_DATABASE_URL=url)

    assert sentence in told
    assert "KIRIKAE_DATABASE_URL" in told


def test_a_queue_that_does_not_answer_is_named(tmp_path: Path) -> None:
    url = f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0"

    told = refusal_of("serve", "worker", KIRIKAE_DATA_DIR=str(tmp_path), KIRIKAE_REDIS_URL=url)

    assert "does not answer" in told
    assert "KIRIKAE_REDIS_URL" in told


def test_a_host_that_nobody_knows_is_told_apart_from_one_that_does_not_answer(tmp_path: Path) -> None:
    database = f"postgresql://asker:{PASSWORD}@nowhere.invalid/x"

    told = refusal_of("prepare", KIRIKAE_DATA_DIR=str(tmp_path), KIRIKAE_DATABASE_URL=database)
    queue = refusal_of("serve", "worker", KIRIKAE_DATA_DIR=str(tmp_path), KIRIKAE_REDIS_URL="redis://nowhere.invalid")

    assert "on nowhere.invalid port 5432 cannot be found" in told
    assert "has a host that nobody knows" in queue


def test_a_database_without_tls_says_so_when_tls_is_asked_for(tmp_path: Path) -> None:
    """Over TCP, for libpq asks for no TLS on a socket; the other end need not be a database to refuse it."""
    with answering(b"N") as port:
        url = f"postgresql://asker:{PASSWORD}@127.0.0.1:{port}/x?sslmode=require"
        told = refusal_of("prepare", KIRIKAE_DATA_DIR=str(tmp_path), KIRIKAE_DATABASE_URL=url)

    assert "cannot be reached by TLS as asked for (server does not support SSL, but SSL was required)" in told


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server that says this to whatever it is asked, and hangs up."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1024)
            self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        # Somebody who connects and says nothing is not waited for.
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()


def test_a_parameter_that_the_queue_does_not_know_is_one_sentence(tmp_path: Path) -> None:
    url = f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0?odd=1"

    told = refusal_of("serve", "worker", KIRIKAE_DATA_DIR=str(tmp_path), KIRIKAE_REDIS_URL=url)

    assert "KIRIKAE_REDIS_URL" in told


def test_a_queue_with_another_password_is_named(tmp_path: Path) -> None:
    with running_valkey() as valkey:
        with redis.Redis.from_url(valkey.url) as connection:
            connection.config_set("port", port := free_port())
            connection.config_set("requirepass", "another")
        without = refusal_of("serve", "worker", KIRIKAE_DATA_DIR=str(tmp_path), KIRIKAE_REDIS_URL=valkey.url)
        url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
        wrong = refusal_of("serve", "worker", KIRIKAE_DATA_DIR=str(tmp_path), KIRIKAE_REDIS_URL=url)

    assert "refuses the password" in wrong
    assert "KIRIKAE_REDIS_URL" in without


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "kirikae.sqlite3").write_bytes(b"no database" * 100)

    told = refusal_of("up", "--data-dir", str(tmp_path), "--port", str(free_port()))

    assert "kirikae.sqlite3 cannot be used" in told


def test_a_damaged_signing_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "signing_key.pem").write_bytes(b"")

    told = refusal_of("prepare", KIRIKAE_DATA_DIR=str(tmp_path))

    assert "signing_key.pem holds no private key" in told


@pytest.mark.django_db
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Opened for reading only, for root writes to whatever the mode of a file says.
    sqlite3.connect(tmp_path / "kirikae.sqlite3").close()
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": f"file:{tmp_path}/kirikae.sqlite3?mode=ro"}
    away = ConnectionHandler({"default": settings})["default"]
    monkeypatch.setattr("portal.processes.reachable.connection", away)

    with pytest.raises(StartRefused, match="is read-only"):
        check_database()


def test_migrations_are_not_cut_by_the_limits_of_requests(postgresql: PostgreSQL, tmp_path: Path) -> None:
    script = (
        "import django; django.setup();"
        "from django.db import connection as c, models;"
        "from portal.common.migration_time import lift_limits, restore_limits;"
        "show = lambda: [c.cursor().execute(f'SHOW {n}').fetchone()[0] for n in ('statement_timeout', 'lock_timeout')];"
        "before = show(); lift_limits('default'); during = show(); restore_limits('default');"
        "print(before, during, show())"
    )
    environment = portal_environment(
        KIRIKAE_DATA_DIR=str(tmp_path),
        KIRIKAE_DATABASE_URL=postgresql.url(),
        DJANGO_SETTINGS_MODULE="portal.settings",
    )

    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "['10s', '2s'] ['0', '0'] ['10s', '2s']"
