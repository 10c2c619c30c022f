"""Whether the database and the queue can be used at all. Each refusal is one sentence without a password."""

import os
import re
import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection

from portal.common.database_errors import describe, is_disk_full
from portal.embedded.checks import StartRefused

CONNECT_WITHIN_S = 5
_SIGN_IN_REFUSED = ("28P01", "28000")
_NO_DATABASE = "3D000"


def check_services(*, needs_queue: bool = True) -> None:
    """Raises StartRefused. Network: one connection to each service."""
    check_database()
    if needs_queue and settings.REDIS_URL:
        check_redis(settings.REDIS_URL)


def check_database() -> None:
    # A pool would hide the reason behind "no connection within 2 seconds", so this is a connection of its own.
    probe: Any = connection.copy()
    probe.settings_dict["OPTIONS"].pop("pool", None)
    if probe.vendor == "postgresql":
        probe.settings_dict["OPTIONS"].setdefault("connect_timeout", CONNECT_WITHIN_S)
    try:
        _look_whether_it_writes(probe)
    except DatabaseError as error:
        raise StartRefused(_database_sentence(probe, error)) from error
    finally:
        probe.close()


def explain(error: DatabaseError) -> str:
    """The operator's sentence for an error of any command. Network: looks at the database once more."""
    try:
        check_database()
    except StartRefused as refused:
        return str(refused)
    return f"The database cannot be used: {describe(error)}."


def _look_whether_it_writes(probe: Any) -> None:
    """Changes nothing. Raises DatabaseError."""
    with probe.cursor() as cursor:
        if probe.vendor == "postgresql":
            cursor.execute("SHOW transaction_read_only")
            if cursor.fetchone()[0] == "on":
                raise DatabaseError("read-only")
        else:
            cursor.execute("PRAGMA user_version")
            [version] = cursor.fetchone()
            cursor.execute(f"PRAGMA user_version = {version}")


def _database_name(probe: Any) -> str:
    settings_dict = probe.settings_dict
    if probe.vendor != "postgresql":
        return f"The database {settings_dict['NAME']}"
    host = settings_dict["HOST"] or "localhost"
    port = settings_dict["PORT"] or "5432"
    return f"The database '{settings_dict['NAME']}' on {host} port {port}"


def _database_sentence(probe: Any, error: DatabaseError) -> str:
    name = _database_name(probe)
    if "readonly" in str(error) or "read-only" in str(error):
        return f"{name} is read-only. Make it writable, or correct KIRIKAE_DATABASE_URL."
    if probe.vendor != "postgresql":
        return f"{name} cannot be used: {_sqlite_reason(probe, error)}"
    # While connecting, the server's code does not reach the exception; its text does.
    state, text = getattr(error.__cause__, "sqlstate", None), str(error)
    if state in _SIGN_IN_REFUSED or "authentication failed" in text or "no password supplied" in text:
        user = probe.settings_dict["USER"]
        return f"{name} refuses user '{user}' or the password. Correct KIRIKAE_DATABASE_URL."
    if state == _NO_DATABASE or ("database" in text and "does not exist" in text):
        return f"{name} does not exist. Create it, or correct KIRIKAE_DATABASE_URL."
    if "role" in text and "does not exist" in text:
        return f"{name} does not know user '{probe.settings_dict['USER']}'. Correct KIRIKAE_DATABASE_URL."
    return _connection_sentence(name, text)


def _connection_sentence(name: str, text: str) -> str:
    """libpq's words for what is neither a name nor a password; they hold no secret."""
    if "resolve host" in text or "translate host name" in text:
        return f"{name} cannot be found: there is no host of that name. Correct KIRIKAE_DATABASE_URL."
    if found := re.search(r"((?:server does not support )?SSL|certificate).*", text):
        return f"{name} cannot be reached by TLS as asked for ({found[0].rstrip('.')}). Correct KIRIKAE_DATABASE_URL."
    if found := re.search(r"FATAL:\s+(.+)", text):
        return f"{name} refuses connections: {found[1].rstrip('.')}. Try again, or look at the server's log."
    return f"{name} does not answer. Start it, or correct KIRIKAE_DATABASE_URL."


def _sqlite_reason(probe: Any, error: DatabaseError) -> str:
    folder = Path(probe.settings_dict["NAME"]).parent
    if is_disk_full():
        return f"{describe(error)}. Make room there."
    # SQLite writes beside its file as well, and only says that it cannot open it.
    if not os.access(folder, os.W_OK):
        return f"{folder} cannot be written. Make it writable, or choose another folder with --data-dir."
    return f"{describe(error)}. Restore a backup, or choose another folder with --data-dir."


def check_redis(url: str) -> None:
    import redis  # noqa: PLC0415 - only a team's installation has it

    name = f"The server {_without_password(url)}"
    limits = {"socket_connect_timeout": CONNECT_WITHIN_S, "socket_timeout": CONNECT_WITHIN_S}
    try:
        with redis.Redis.from_url(url, **limits) as client:
            client.set("kirikae:start", "1", ex=1)
    except redis.exceptions.AuthenticationError as error:
        raise StartRefused(f"{name} refuses the password. Correct KIRIKAE_REDIS_URL.") from error
    except redis.exceptions.ReadOnlyError as error:
        raise StartRefused(f"{name} is a read-only replica. Point KIRIKAE_REDIS_URL at the primary.") from error
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
        # The client tells its reason in words only; what it caught is the context.
        reason = error.__cause__ or error.__context__
        if isinstance(reason, socket.gaierror):
            raise StartRefused(f"{name} has a host that nobody knows. Correct KIRIKAE_REDIS_URL.") from error
        if isinstance(reason, ssl.SSLError):
            raise StartRefused(
                f"{name} cannot be reached by TLS. Correct KIRIKAE_REDIS_URL, or turn TLS on."
            ) from error
        raise StartRefused(f"{name} does not answer. Start it, or correct KIRIKAE_REDIS_URL.") from error
    except redis.exceptions.RedisError as error:
        # Such as "NOAUTH": Valkey asks for a password and the address has none.
        raise StartRefused(f"{name} refuses to work: {error}. Correct KIRIKAE_REDIS_URL.") from error


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    host = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    return f"{parts.scheme}://{host}{parts.path}"
