"""Where the portal hands mails over: one mail server, by its address. Settings only."""

from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from portal.terminal import gettext as _

# Whether the connection is upgraded, and whether it is TLS from the start; and the port that goes with it.
_SCHEMES = {"smtp": (False, False, 25), "smtp+tls": (True, False, 587), "smtps": (False, True, 465)}
# A server that is slower than this gets the mail with the next try.
TIMEOUT_S = 10


def mailers(url: str, *, sender: str) -> dict[str, Any]:
    """Django's MAILERS; without an address mails go nowhere. No error repeats the address: it has a password."""
    if bool(url) != bool(sender):
        raise ImproperlyConfigured(_("KIRIKAE_MAIL_URL and KIRIKAE_MAIL_FROM are set together or not at all."))
    if not url:
        return {"default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}}
    if "@" not in sender or any(character in sender for character in "\r\n"):
        told = _("KIRIKAE_MAIL_FROM is %(found)r; write an address such as kirikae@example.org.")
        raise ImproperlyConfigured(told % {"found": sender})
    return {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": _options(url)}}


def _options(url: str) -> dict[str, Any]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    else:
        if host and parts.scheme in _SCHEMES:
            use_tls, use_ssl, usual = _SCHEMES[parts.scheme]
            return {
                "host": host,
                "port": port or usual,
                "username": unquote(parts.username or ""),
                "password": unquote(parts.password or ""),
                "use_tls": use_tls,
                "use_ssl": use_ssl,
                "timeout": TIMEOUT_S,
            }
    kinds = ", ".join(f"{scheme}://…" for scheme in _SCHEMES)
    told = _("KIRIKAE_MAIL_URL is no mail server's address; write one of: %(kinds)s.")
    raise ImproperlyConfigured(told % {"kinds": kinds})
