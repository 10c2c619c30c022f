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
from django.utils.translation import gettext as _

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
    return _("The database cannot be used: %(reason)s.") % {"reason": describe(error)}


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
        return _("The database %(file)s") % {"file": settings_dict["NAME"]}
    return _("The database '%(name)s' on %(host)s port %(port)s") % {
        "name": settings_dict["NAME"],
        "host": settings_dict["HOST"] or "localhost",
        "port": settings_dict["PORT"] or "5432",
    }


def _database_sentence(probe: Any, error: DatabaseError) -> str:
    name = _database_name(probe)
    if "readonly" in str(error) or "read-only" in str(error):
        return _("%(name)s is read-only. Make it writable, or correct KIRIKAE_DATABASE_URL.") % {"name": name}
    if probe.vendor != "postgresql":
        return _("%(name)s cannot be used: %(reason)s") % {"name": name, "reason": _sqlite_reason(probe, error)}
    # While connecting, the server's code does not reach the exception; its text does.
    state, text, user = getattr(error.__cause__, "sqlstate", None), str(error), probe.settings_dict["USER"]
    if state in _SIGN_IN_REFUSED or "authentication failed" in text or "no password supplied" in text:
        told = _("%(name)s refuses user '%(user)s' or the password. Correct KIRIKAE_DATABASE_URL.")
        return told % {"name": name, "user": user}
    if state == _NO_DATABASE or ("database" in text and "does not exist" in text):
        return _("%(name)s does not exist. Create it, or correct KIRIKAE_DATABASE_URL.") % {"name": name}
    if "role" in text and "does not exist" in text:
        told = _("%(name)s does not know user '%(user)s'. Correct KIRIKAE_DATABASE_URL.")
        return told % {"name": name, "user": user}
    return _connection_sentence(name, text)


def _connection_sentence(name: str, text: str) -> str:
    """libpq's words, as it has them, for what is neither a name nor a password; they hold no secret."""
    if "resolve host" in text or "translate host name" in text:
        told = _("%(name)s cannot be found: there is no host of that name. Correct KIRIKAE_DATABASE_URL.")
        return told % {"name": name}
    if found := re.search(r"((?:server does not support )?SSL|certificate).*", text):
        told = _("%(name)s cannot be reached by TLS as asked for (%(reason)s). Correct KIRIKAE_DATABASE_URL.")
        return told % {"name": name, "reason": found[0].rstrip(".")}
    if found := re.search(r"FATAL:\s+(.+)", text):
        told = _("%(name)s refuses connections: %(reason)s. Try again, or look at the server's log.")
        return told % {"name": name, "reason": found[1].rstrip(".")}
    return _("%(name)s does not answer. Start it, or correct KIRIKAE_DATABASE_URL.") % {"name": name}


def _sqlite_reason(probe: Any, error: DatabaseError) -> str:
    folder = Path(probe.settings_dict["NAME"]).parent
    if is_disk_full():
        return _("%(reason)s. Make room there.") % {"reason": describe(error)}
    # SQLite writes beside its file as well, and only says that it cannot open it.
    if not os.access(folder, os.W_OK):
        told = _("%(folder)s cannot be written. Make it writable, or choose another folder with --data-dir.")
        return told % {"folder": folder}
    told = _("%(reason)s. Restore a backup, or choose another folder with --data-dir.")
    return told % {"reason": describe(error)}


def check_redis(url: str) -> None:
    import redis  # noqa: PLC0415 - only a team's installation has it

    name = _("The server %(address)s") % {"address": _without_password(url)}
    limits = {"socket_connect_timeout": CONNECT_WITHIN_S, "socket_timeout": CONNECT_WITHIN_S}
    try:
        with redis.Redis.from_url(url, **limits) as client:
            client.set("kirikae:start", "1", ex=1)
    except redis.exceptions.AuthenticationError as error:
        told = _("%(name)s refuses the password. Correct KIRIKAE_REDIS_URL.")
        raise StartRefused(told % {"name": name}) from error
    except redis.exceptions.ReadOnlyError as error:
        told = _("%(name)s is a read-only replica. Point KIRIKAE_REDIS_URL at the primary.")
        raise StartRefused(told % {"name": name}) from error
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
        # The client tells its reason in words only; what it caught is the context.
        raise StartRefused(_unreachable_sentence(name, error.__cause__ or error.__context__)) from error
    except redis.exceptions.RedisError as error:
        # Such as "NOAUTH": Valkey asks for a password and the address has none.
        told = _("%(name)s refuses to work: %(reason)s. Correct KIRIKAE_REDIS_URL.")
        raise StartRefused(told % {"name": name, "reason": error}) from error


def _unreachable_sentence(name: str, reason: BaseException | None) -> str:
    told = _("%(name)s does not answer. Start it, or correct KIRIKAE_REDIS_URL.")
    if isinstance(reason, socket.gaierror):
        told = _("%(name)s has a host that nobody knows. Correct KIRIKAE_REDIS_URL.")
    elif isinstance(reason, ssl.SSLError):
        told = _("%(name)s cannot be reached by TLS. Correct KIRIKAE_REDIS_URL, or turn TLS on.")
    return told % {"name": name}


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    host = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
    return f"{parts.scheme}://{host}{parts.path}"
