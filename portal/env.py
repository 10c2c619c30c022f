"""Typed readers of the environment. Only `portal.terminal` reads it as well; odd values stop the start by name."""

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ImproperlyConfigured

from portal.terminal import gettext as _

# Read by this portal, and by the client that may share the shell. Anything else is a slip of the pen.
PORTAL_NAMES = frozenset(
    {
        "KIRIKAE_AGENTS_PORT",
        "KIRIKAE_BASE_URL",
        "KIRIKAE_DATABASE_URL",
        "KIRIKAE_DATA_DIR",
        "KIRIKAE_DECISIONS_KEEP_DAYS",
        "KIRIKAE_ENROLMENTS_KEEP_DAYS",
        "KIRIKAE_LANG",
        "KIRIKAE_MAIL_FROM",
        "KIRIKAE_MAIL_URL",
        "KIRIKAE_NOTICES_KEEP_DAYS",
        "KIRIKAE_POLL_NETWORKS",
        "KIRIKAE_RECEIPTS_KEEP_DAYS",
        "KIRIKAE_REDIS_URL",
        "KIRIKAE_RETIRE_AFTER_DAYS",
        "KIRIKAE_SECRET_KEY",
        "KIRIKAE_TOKENS_KEEP_DAYS",
        "KIRIKAE_TRUSTED_PROXIES",
        "KIRIKAE_WEBHOOK_NETWORKS",
    }
)
CLIENT_NAMES = frozenset(
    {
        "KIRIKAE_BACKEND",
        "KIRIKAE_HOME",
        "KIRIKAE_LAUNCH",
        "KIRIKAE_MODEL",
        "KIRIKAE_RUNTIME_URL",
        "KIRIKAE_RUNTIMES",
        "KIRIKAE_RUNTIMES_ALLOW_REMOTE",
        "KIRIKAE_RUNTIMES_ONLY",
    }
)

MAX_DAYS = 36_500
MAX_PORT = 65_535
_USUAL_PORTS = {"http": 80, "https": 443}


def refuse_unknown_names() -> None:
    for name in sorted(os.environ):
        if name.startswith("KIRIKAE_") and name not in PORTAL_NAMES | CLIENT_NAMES:
            known = ", ".join(sorted(PORTAL_NAMES))
            raise ImproperlyConfigured(
                _("%(name)s is set, but there is no such variable. Known: %(known)s.") % {"name": name, "known": known}
            )


def read_text(name: str, *, default: str) -> str:
    return os.environ.get(name, default).strip()


def read_days(name: str, *, default: int) -> int:
    found = read_text(name, default=str(default))
    # int() alone takes signs, spaces, underscores and digits of other scripts as well.
    if found.isascii() and found.isdigit() and len(found) <= 5 and 1 <= int(found) <= MAX_DAYS:
        return int(found)
    told = _("%(name)s is '%(found)s'; write a whole number of days from 1 to %(most)d.")
    raise ImproperlyConfigured(told % {"name": name, "found": found, "most": MAX_DAYS})


def read_optional_days(name: str) -> int | None:
    """None when it is not set."""
    return read_days(name, default=1) if read_text(name, default="") else None


def read_port(name: str) -> int | None:
    """None when it is not set."""
    found = read_text(name, default="")
    if found.isascii() and found.isdigit() and len(found) <= 5 and 1 <= int(found) <= MAX_PORT:
        return int(found)
    if not found:
        return None
    told = _("%(name)s is '%(found)s'; write a port from 1 to %(most)d.")
    raise ImproperlyConfigured(told % {"name": name, "found": found, "most": MAX_PORT})


def read_networks(name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and networks with commas between; empty when unset."""
    texts = [text.strip() for text in read_text(name, default="").split(",")]
    try:
        return tuple(ip_network(text) for text in texts if text)
    except ValueError as error:
        # Python's own sentence tells which one is wrong, in English.
        told = _("%(name)s: %(error)s; write networks such as 10.20.0.0/16, with commas.")
        raise ImproperlyConfigured(told % {"name": name, "error": error}) from error


def read_path(name: str, *, default: Path) -> Path:
    """An absolute path; a relative one is taken from the current folder."""
    found = os.environ.get(name)
    return (Path(found).expanduser() if found else default).absolute()


def read_url(name: str, *, default: str) -> str:
    """An http or https address without a trailing slash; empty when unset and no default."""
    found = read_text(name, default=default)
    if not found:
        return ""
    try:
        parts = urlsplit(found)
        is_web = parts.scheme in _USUAL_PORTS and parts.port != 0 and _is_plain(found, parts)
    except ValueError:
        is_web = False
    if not is_web:
        told = _("%(name)s is '%(found)s'; write an address such as https://kirikae.example.org.")
        raise ImproperlyConfigured(told % {"name": name, "found": found})
    return f"{origin_of(found)}{parts.path}".rstrip("/")


def origin_of(url: str) -> str:
    """Scheme, host and port of an address as browsers write them: in small letters, without the usual port."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, _USUAL_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _is_plain(url: str, parts: SplitResult) -> bool:
    """Other addresses are put behind it, so it ends with its path; a star would stand for every host."""
    has_more = parts.username is not None or "?" in url or "#" in url
    return bool(parts.hostname) and not has_more and not set(url) & set(" *\\\"'<>")
