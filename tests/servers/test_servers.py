"""The launcher of the test servers: quick, private, never as root, and gone with whoever started them."""

import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.servers import launching
from tests.servers.postgresql import PostgreSQL, create_cluster, running_postgresql, sweep_stale
from tests.servers.valkey import running_valkey

pytestmark = pytest.mark.slow

STARTER = """
import signal, sys
from tests.servers.postgresql import running_postgresql
with running_postgresql() as server:
    print(server.process.pid, server.folder, flush=True)
    signal.pause()
"""


def answer_of(server: PostgreSQL, query: str) -> object:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_postgresql_answers_on_its_own_socket_only_and_its_folder_stays_private() -> None:
    with running_postgresql() as server:
        assert answer_of(server, "show listen_addresses") == ""
        assert str(answer_of(server, "show server_version")).startswith("18.")
        assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
        folder = server.folder

    assert not folder.exists()


def test_postgresql_survives_a_crash_with_what_was_committed() -> None:
    with running_postgresql(options=()) as server:
        with psycopg.connect(server.url()) as connection:
            connection.execute("create table kept (value int)")
            connection.execute("insert into kept values (1)")
        server.stop(signal.SIGKILL)
        server.start()

        assert answer_of(server, "select value from kept") == 1


@pytest.mark.where("root")  # nobody else has to become another user
def test_root_without_user_namespaces_runs_the_server_as_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What some container hosts do: `unshare` is refused.
    monkeypatch.setattr(launching, "can_run", lambda _argv: False)

    with running_postgresql() as server:
        assert answer_of(server, "select 1") == 1
        assert (server.folder / "data").stat().st_uid == launching.NOBODY


def test_servers_end_when_the_process_that_started_them_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline().split()[0])

    parent.kill()
    parent.wait()

    if sys.platform != "linux":
        sweep_stale()
    assert ended_within(pid, seconds=10)
    parent.stdout.close()


def test_valkey_answers_on_its_socket_and_forgets_unless_told_otherwise() -> None:
    with running_valkey() as server:
        with redis.Redis.from_url(server.url) as connection:
            connection.set("key", "value")
            assert connection.config_get("port") == {"port": "0"}
        server.stop()
        server.start()
        with redis.Redis.from_url(server.url) as connection:
            assert connection.get("key") is None


def test_durable_valkey_keeps_what_it_was_given() -> None:
    with running_valkey(is_durable=True) as server:
        with redis.Redis.from_url(server.url) as connection:
            connection.set("key", "value")
        server.stop()
        server.start()
        with redis.Redis.from_url(server.url) as connection:
            assert connection.get("key") == b"value"


def test_cluster_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "in-the-way").touch()

    with pytest.raises(launching.ServerStartError, match="not empty"):
        create_cluster(tmp_path)


def ended_within(pid: int, *, seconds: float) -> bool:
    return any(not is_running(pid) for _ in ticks(seconds))


def ticks(seconds: float) -> Iterator[None]:
    """The kernel tells nobody of a grandchild's end, so it is looked for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False
