"""Handing one notice over to the outside: mail here, webhooks in `portal.notices.webhooks`. No database."""

import smtplib
from dataclasses import dataclass
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMessage

from portal.notices.wording import UNSEEN, Wording


class SendError(Exception):
    """It was not taken. `code` says why without a word of what was sent or where to."""

    def __init__(self, code: str, *, most_tries: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        # Fewer than usual where trying again would end the same way; None: as usual.
        self.most_tries = most_tries


@dataclass(frozen=True)
class Mail:
    to: str
    wording: Wording
    key: str


def send_mail(mail: Mail) -> None:
    """One mail to one person. Raises SendError. Network: the mail server."""
    _name, domain = parseaddr(settings.MAIL_FROM)[1].rsplit("@", 1)
    message = EmailMessage(
        subject=f"[Kirikae] {_as_written(mail.wording.title)}",
        body="\n\n".join(part for part in (mail.wording.text, mail.wording.link, mail.wording.footer) if part) + "\n",
        from_email=formataddr(parseaddr(settings.MAIL_FROM)),
        to=[mail.to],
        headers={
            # The same with each try: a mail server or a reader that got it twice can drop one.
            "Message-ID": f"<{mail.key}@{domain}>",
            "Content-Language": mail.wording.language,
            "Auto-Submitted": "auto-generated",
        },
    )
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        raise SendError("mail.recipient_refused", most_tries=1 if _is_permanent(error) else None) from error
    except smtplib.SMTPAuthenticationError as error:
        raise SendError("mail.sign_in_refused") from error
    except smtplib.SMTPException as error:
        raise SendError("mail.refused") from error
    except OSError as error:
        raise SendError("mail.server_away") from error


def _as_written(title: str) -> str:
    """A head reads `=?utf-8?q?…?=` as what it stands for: a name could vanish by it, or let no mail be made."""
    return title.replace("=?", f"={UNSEEN}?")


def _is_permanent(error: smtplib.SMTPRecipientsRefused) -> bool:
    """5xx: there is no such person; 4xx: not now, as grey-listing servers say."""
    return all(code >= 500 for code, _text in error.recipients.values())
