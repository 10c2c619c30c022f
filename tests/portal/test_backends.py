"""Addresses of database and queue become settings; a wrong one stops the start without repeating itself."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import backends

FOLDER = Path("/data")


def test_without_an_address_there_is_sqlite_and_a_folder() -> None:
    assert backends.database("", folder=FOLDER)["NAME"] == FOLDER / "kirikae.sqlite3"
    assert backends.broker("", folder=FOLDER)["url"] == "folder://"
    assert "locmem" in backends.cache("")["BACKEND"]


def test_address_of_postgresql_is_taken_apart() -> None:
    found = backends.database("postgresql://ki:s%40cret@db.example:5433/portal?sslmode=require", folder=FOLDER)

    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("ki", "s@cret", "db.example", "5433")
    assert found["NAME"] == "portal"
    assert found["OPTIONS"]["sslmode"] == "require"
    assert "statement_timeout" in found["OPTIONS"]["options"]


def test_socket_folder_of_postgresql_comes_as_a_parameter() -> None:
    found = backends.database("postgresql://ki@/portal?host=%2Frun%2Fpostgresql", folder=FOLDER)

    assert found["HOST"] == "/run/postgresql"


def test_socket_of_valkey_has_its_own_word_for_the_queue() -> None:
    assert backends.broker("unix:///run/valkey.sock", folder=FOLDER)["url"] == "redis+socket:///run/valkey.sock"
    assert backends.cache("unix:///run/valkey.sock")["LOCATION"] == "unix:///run/valkey.sock"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:canary@h/x",
        "postgres//u:canary@h",
        "canary",
        "postgresql://u:canary@h:0/x",
        "postgresql://[::canary/x",
    ],
)
def test_odd_address_names_the_variable_and_keeps_the_password_to_itself(url: str) -> None:
    with pytest.raises(ImproperlyConfigured) as raised:
        backends.database(url, folder=FOLDER)

    assert "KIRIKAE_DATABASE_URL" in str(raised.value)
    assert "canary" not in str(raised.value)


def test_odd_address_of_the_queue_is_refused_by_name() -> None:
    with pytest.raises(ImproperlyConfigured, match="KIRIKAE_REDIS_URL"):
        backends.broker("amqp://h", folder=FOLDER)


def test_missing_package_of_a_team_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda _name: None)

    with pytest.raises(ImproperlyConfigured, match="uv sync --group team"):
        backends.database("postgresql://h/x", folder=FOLDER)
