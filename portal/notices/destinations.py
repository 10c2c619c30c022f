"""Webhooks that admins enter. Addresses and secrets are sealed, never shown again and in no log or audit entry."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.db import transaction

from portal.accounts.models import User
from portal.audit.services import record
from portal.common import clock
from portal.common.sealing import seal
from portal.notices.models import Channel, Delivery, Destination
from portal.notices.webhooks import webhook_guard

MAX_URL = 1000
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class UrlRefusedError(ValueError):
    """`code` is one of the form's sentences."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Wanted:
    """`person`: None for the team's own."""

    channel: Channel
    name: str
    url: str
    kinds: Sequence[str]
    language: str
    person: User | None = None


@transaction.atomic
def add_destination(*, wanted: Wanted, by: User) -> tuple[Destination, str]:
    """The secret to check signatures with goes to the caller only; empty for Slack. Raises UrlRefusedError."""
    host = check_url(wanted.url)
    secret = secrets.token_urlsafe(32) if wanted.channel is Channel.WEBHOOK else ""
    destination = Destination.objects.create(
        channel=wanted.channel,
        name=wanted.name,
        host=host,
        sealed_url=seal(wanted.url),
        sealed_secret=seal(secret) if secret else "",
        person=wanted.person,
        language=wanted.language,
        kinds=list(wanted.kinds),
    )
    data: dict[str, object] = {"name": wanted.name, "channel": str(wanted.channel), "host": host}
    record(by=by, action="destination.added", subject=destination, data=data)
    return destination, secret


@transaction.atomic
def remove_destination(*, destination: Destination, by: User) -> None:
    """What waits for it is not sent; the address and the secret are forgotten."""
    now = clock.now()
    row = Destination.objects.filter(pk=destination.pk, removed_at=None)
    if row.update(removed_at=now, sealed_url="", sealed_secret=""):
        waiting = Delivery.objects.filter(destination=destination, state=Delivery.State.WAITING)
        waiting.update(state=Delivery.State.WITHDRAWN, ended_at=now)
        record(by=by, action="destination.removed", subject=destination, data={"name": destination.name})


@transaction.atomic
def choose_kinds(*, destination: Destination, kinds: Sequence[str], by: User) -> None:
    Destination.objects.filter(pk=destination.pk).update(kinds=list(kinds))
    record(by=by, action="destination.kinds_chosen", subject=destination, data={"kinds": list(kinds)})


def check_url(url: str) -> str:
    """The host. What the name leads to is judged with each connection. Raises UrlRefusedError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UrlRefusedError("malformed") from error
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url or port == 0:
        raise UrlRefusedError("malformed")
    if parts.scheme not in ("https", "http"):
        raise UrlRefusedError("scheme")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise UrlRefusedError("userinfo")
    _check_host(host, is_tls=parts.scheme == "https")
    return host


def _check_host(host: str, *, is_tls: bool) -> None:
    guard = webhook_guard()
    try:
        address = ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host):
            raise UrlRefusedError("malformed") from None
        return
    if not guard.permits(address) or not (is_tls or guard.is_listed(address)):
        raise UrlRefusedError("address")
