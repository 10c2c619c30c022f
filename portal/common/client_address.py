"""From which address a request came, for limits that count by it. Nothing is permitted or refused by an address."""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.conf import settings


def address_of(environ: Mapping[str, Any]) -> str:
    """The connection's, or what a trusted proxy says. Only its last word counts: all before was written by others."""
    peer: str = environ.get("REMOTE_ADDR", "")
    said = environ.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2]
    if not said or not _is_trusted(peer):
        return peer
    return _plain(said) or peer


def _is_trusted(peer: str) -> bool:
    found = _plain(peer)
    return bool(found) and any(ip_address(found) in network for network in settings.TRUSTED_PROXIES)


def _plain(text: str) -> str:
    """In its one usual form, or empty."""
    try:
        found = ip_address(text.strip())
    except ValueError:
        return ""
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.scope_id:
        return ""
    return str(found.ipv4_mapped or found)
