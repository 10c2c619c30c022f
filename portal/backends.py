"""Where the portal keeps its data and its queue: SQLite and a folder, or PostgreSQL and Valkey. Settings only."""

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from portal.terminal import gettext as _

# A request that waits longer than this for the database is better answered with "try again".
STATEMENT_TIMEOUT_MS = 10_000
LOCK_TIMEOUT_MS = 2_000
# A connection is tried before each use. A server that is away is asked again with the next request, not after a
# pause that doubles up to minutes, which is what a longer `reconnect_timeout` means.
POOL = {"min_size": 0, "max_size": 8, "timeout": 2, "reconnect_timeout": 1}
CONNECT_TIMEOUT_S = 2
# A killed worker's task is back in seconds: the defaults of these options add up to minutes, and the visibility
# timeout to an hour. A task that takes longer comes a second time; its lease (`portal.common.leases`) keeps it single.
RESTORE_OPTIONS = {
    "visibility_timeout": 10,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 5,
}
# What may stand behind "?". A value is one of those named; where none are, it is a file's path or free text.
_DATABASE_PARAMETERS: dict[str, tuple[str, ...]] = {
    "application_name": (),
    "host": (),
    "sslcert": (),
    "sslkey": (),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslrootcert": (),
    "target_session_attrs": ("any", "read-write", "primary"),
}
_REDIS_PARAMETERS: dict[str, tuple[str, ...]] = {
    "ssl_ca_certs": (),
    "ssl_cert_reqs": ("required", "optional", "none"),
    "ssl_certfile": (),
    "ssl_keyfile": (),
}
_FILES = ("sslcert", "sslkey", "sslrootcert", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
QUEUES = ("house", "ingest", "notify", "policy", "poll")


def database(url: str, *, folder: Path) -> dict[str, Any]:
    """Django's settings for the database that the address names; SQLite in `folder` when it is empty."""
    if not url:
        return sqlite(folder / "kirikae.sqlite3")
    parts = _split(url, name="KIRIKAE_DATABASE_URL", schemes=("postgresql", "postgres"))
    _need("psycopg", name="KIRIKAE_DATABASE_URL")
    options = _parameters(parts, name="KIRIKAE_DATABASE_URL", known=_DATABASE_PARAMETERS)
    timeouts = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "kirikae",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        # A socket's folder cannot stand where a host stands, so it comes as `?host=`.
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"pool": POOL, "options": timeouts, "connect_timeout": CONNECT_TIMEOUT_S, **options},
    }


def sqlite(path: Path) -> dict[str, Any]:
    # A connection for each request would cost 0.7 ms and, on a busy machine, twenty: the last that closes folds the log
    # into the file. Threads keep theirs instead; one that is idle holds no lock.
    # WAL alone still fails under concurrent writers; with IMMEDIATE and a timeout none of 1,200 did.
    # IMMEDIATE makes every atomic block a writer, so ATOMIC_REQUESTS stays off.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-20000",
        },
    }


def cache(url: str) -> dict[str, Any]:
    """Shared by all processes on Valkey; without it each process has its own, and embedded mode has one."""
    if not url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    _redis(url)
    options = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url, "OPTIONS": options}


def broker(url: str, *, folder: Path) -> dict[str, Any]:
    """`url` and `options` of Celery's queue: Valkey, or a folder of files in embedded mode."""
    if not url:
        return {
            "url": "folder://",
            "options": {
                "data_folder_in": folder,
                "data_folder_out": folder,
                "control_folder": folder / "control",
            },
        }
    parts = _redis(url)
    # Celery has its own word for a socket.
    address = f"redis+socket://{parts.path}" if parts.scheme == "unix" else url
    return {"url": address, "options": RESTORE_OPTIONS}


def _redis(url: str) -> SplitResult:
    name = "KIRIKAE_REDIS_URL"
    parts = _split(url, name=name, schemes=("redis", "rediss", "unix"))
    _parameters(parts, name=name, known=_REDIS_PARAMETERS if parts.scheme == "rediss" else {})
    if parts.scheme == "unix" and (parts.username or parts.password):
        told = _("%(name)s: on a socket the queue knows no password; write redis://:PASSWORD@HOST/0.")
        raise ImproperlyConfigured(told % {"name": name})
    # Clients disagree on what another path means: some take it for database 0, and the queue does not start.
    if parts.scheme != "unix" and not re.fullmatch(r"(/\d{0,5})?", parts.path):
        told = _("%(name)s ends in no number of a database; write %(scheme)s://HOST:PORT/0.")
        raise ImproperlyConfigured(told % {"name": name, "scheme": parts.scheme})
    _need("redis", name=name)
    return parts


def _parameters(parts: SplitResult, *, name: str, known: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """What stands behind "?". The message repeats no value: it may be a password in the wrong place."""
    options = dict(parse_qsl(parts.query))
    for key, value in options.items():
        if key not in known:
            told = _("%(name)s has an unknown parameter '%(key)s'. It takes none.")
            if known:
                told = _("%(name)s has an unknown parameter '%(key)s'. Known: %(known)s.")
            raise ImproperlyConfigured(told % {"name": name, "key": key, "known": ", ".join(known)})
        if known[key] and value not in known[key]:
            told = _("%(name)s: %(key)s is none of %(known)s.")
            raise ImproperlyConfigured(told % {"name": name, "key": key, "known": ", ".join(known[key])})
        if key in _FILES and not os.access(value, os.R_OK):
            told = _("%(name)s: the file of %(key)s cannot be read.")
            raise ImproperlyConfigured(told % {"name": name, "key": key})
    return options


def _need(package: str, *, name: str) -> None:
    """What only a team's installation needs is in a group of its own."""
    if find_spec(package) is None:
        told = _("%(name)s needs the package %(package)s. Install it: uv sync --group team")
        raise ImproperlyConfigured(told % {"name": name, "package": package})


def _split(url: str, *, name: str, schemes: tuple[str, ...]) -> SplitResult:
    """The message never repeats the address: it may hold a password."""
    try:
        parts = urlsplit(url)
        is_known = parts.scheme in schemes and (parts.port is None or parts.port > 0)
    except ValueError:
        is_known = False
    if not is_known:
        examples = ", ".join(f"{scheme}://…" for scheme in schemes)
        told = _("%(name)s is no address of a kind that is known here; write one of: %(examples)s.")
        raise ImproperlyConfigured(told % {"name": name, "examples": examples})
    return parts
