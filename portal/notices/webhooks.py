"""Notices as POST requests: a Slack-compatible message, or our own JSON with a signature (docs/notices.md)."""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpcore
from django.conf import settings

from portal.common.network_guard import AddressRefusedError, Guard, NameNotFoundError
from portal.common.pinned_http import PlainHttpRefusedError, Post, send_post
from portal.notices.sending import SendError
from portal.notices.wording import UNSEEN, Wording

_GONE = 410
_MARKUP = re.compile(r"@|\](?=\()|:(?=//)|(?<=\w)\.(?=\w)")


@dataclass(frozen=True)
class Webhook:
    """`secret` is empty for Slack; `data` is what our own JSON says beside the words."""

    url: str
    secret: str
    key: str
    wording: Wording
    kind: str
    at: datetime
    data: dict[str, Any]

    def __repr__(self) -> str:
        """The address and the secret stay out of logs and tracebacks."""
        return f"Webhook({self.key})"


def webhook_guard() -> Guard:
    """Public addresses, and what the operator listed. Who has the whole environment may also list this host."""
    return Guard(settings.WEBHOOK_NETWORKS, is_public_permitted=True, is_loopback_permitted=True)


def send_webhook(webhook: Webhook, *, now: datetime) -> None:
    """Raises SendError. Network: the receiver."""
    try:
        status = send_post(_post(webhook, now=now), guard=webhook_guard())
    except AddressRefusedError as error:
        raise SendError("webhook.address_refused", most_tries=1) from error
    except PlainHttpRefusedError as error:
        raise SendError("webhook.needs_https", most_tries=1) from error
    except NameNotFoundError as error:
        raise SendError("webhook.name_not_found") from error
    except httpcore.TimeoutException as error:
        raise SendError("webhook.timeout") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise SendError("webhook.connection_failed") from error
    if not 200 <= status < 300:
        raise SendError(f"webhook.http_{status}", most_tries=1 if status == _GONE else None)


def _post(webhook: Webhook, *, now: datetime) -> Post:
    document = signed_document(webhook) if webhook.secret else {"text": slack_text(webhook.wording)}
    body = json.dumps(document, ensure_ascii=False, sort_keys=True).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "Kirikae", "Kirikae-Delivery": webhook.key}
    if webhook.secret:
        headers["Kirikae-Signature"] = sign(body, secret=webhook.secret, at=now)
    return Post(webhook.url, headers, body)


def sign(body: bytes, *, secret: str, at: datetime) -> str:
    """Over the time and the body: a message that was recorded cannot be sent again later."""
    seconds = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def signed_document(webhook: Webhook) -> dict[str, Any]:
    wording = webhook.wording
    return {
        "schema": 1,
        "id": webhook.key,
        "kind": webhook.kind,
        "at": webhook.at.isoformat(timespec="seconds"),
        "title": wording.title,
        "text": wording.text,
        "link": wording.link or None,
        "language": wording.language,
        "data": webhook.data,
    }


def slack_text(wording: Wording) -> str:
    """Three characters are Slack's own markup: escaped, no name of a Mac can call a whole channel.

    Others that take Slack's messages read `@all` and links in brackets as well, and all make a link of what looks like
    an address. An unseen character parts them.
    """
    parts = [f"*{_escape(wording.title)}*", _escape(wording.text)]
    if wording.link:
        parts.append(f"<{wording.link}>")
    return "\n".join(parts)


def _escape(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(rf"\g<0>{UNSEEN}", escaped)
