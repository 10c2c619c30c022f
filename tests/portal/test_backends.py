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


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ("odd=canary", r"has an unknown parameter 'odd'\. Known: application_name, host, sslcert"),
        ("pool=canary", "unknown parameter 'pool'"),
        ("sslmode=canary", r"sslmode is none of disable, allow, prefer, require, verify-ca, verify-full\."),
        ("sslmode=verify-full&sslrootcert=/nowhere/canary", r"the file of sslrootcert cannot be read\."),
    ],
)
def test_odd_parameters_of_the_database_are_told_before_anybody_connects(parameters: str, sentence: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^KIRIKAE_DATABASE_URL.*{sentence}") as raised:
        backends.database(f"postgresql://u:canary@h/x?{parameters}", folder=FOLDER)

    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("redis://:canary@h/canary", r"ends in no number of a database; write redis://HOST:PORT/0\."),
        ("redis://:canary@h/0/1", "ends in no number of a database"),
        ("redis://:canary@h/0?odd=canary", r"unknown parameter 'odd'\. It takes none\."),
        ("unix://:canary@/run/valkey.sock", "on a socket the queue knows no password"),
        ("rediss://:canary@h/0?odd=canary", r"unknown parameter 'odd'\. Known: ssl_ca_certs"),
        ("rediss://:canary@h/0?ssl_cert_reqs=canary", "ssl_cert_reqs is none of required, optional, none"),
    ],
)
def test_odd_path_and_parameters_of_the_queue_are_told(url: str, sentence: str) -> None:
    for read in (backends.cache, lambda url: backends.broker(url, folder=FOLDER)):
        with pytest.raises(ImproperlyConfigured, match=f"^KIRIKAE_REDIS_URL.*{sentence}") as raised:
            read(url)
        assert "canary" not in str(raised.value)


def test_odd_address_of_the_queue_is_refused_by_name() -> None:
    with pytest.raises(ImproperlyConfigured, match="KIRIKAE_REDIS_URL"):
        backends.broker("amqp://h", folder=FOLDER)


def test_missing_package_of_a_team_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda _name: None)

    with pytest.raises(ImproperlyConfigured, match="uv sync --group team"):
        backends.database("postgresql://h/x", folder=FOLDER)
