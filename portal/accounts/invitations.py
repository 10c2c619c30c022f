"""People join by a one-time link that an owner hands over; the portal itself sends no mail."""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from portal.accounts.models import Invitation, User
from portal.audit.services import record
from portal.common import clock

LIFETIME = timedelta(days=7)


class InvitationClosed(Exception):  # noqa: N818 - it tells a state
    """The link is unknown, used or too old."""


@transaction.atomic
def invite_person(*, by: User, email: str, name: str, role: str) -> str:
    """The token of the link. Inviting the same address again ends the older link."""
    token = secrets.token_urlsafe(32)
    invitation, _made = Invitation.objects.update_or_create(
        email=email.lower(),
        defaults={
            "digest": _digest(token),
            "name": name,
            "role": role,
            "invited_by": by,
            "expires_at": clock.now() + LIFETIME,
        },
    )
    record(by=by, action="person.invited", subject=invitation, data={"email": invitation.email, "role": role})
    return token


def find_invitation(token: str) -> Invitation | None:
    return _open_invitations().filter(digest=_digest(token)).first()


@transaction.atomic
def accept_invitation(*, token: str, password: str | None, language: str) -> User:
    """The new user, who cannot sign in without a password. Raises InvitationClosed; the link is used up."""
    invitation = find_invitation(token)
    if invitation is None or User.objects.filter(email=invitation.email).exists():
        raise InvitationClosed
    person = User.objects.create_user(
        email=invitation.email, name=invitation.name, password=password, role=invitation.role, language=language
    )
    invitation.delete()
    record(by=person, action="person.joined", subject=person, data={"role": person.role})
    return person


def list_people() -> list[User]:
    """Those whose account is closed come last."""
    return list(User.objects.order_by("-is_active", "name", "pk"))


def list_open_invitations() -> list[Invitation]:
    return list(_open_invitations())


def end_links_of(person: User) -> None:
    """Those that the person handed out: whoever made a link has seen it."""
    Invitation.objects.filter(invited_by=person).delete()


def _open_invitations() -> QuerySet[Invitation]:
    """A link holds while who handed it out may invite: whoever is no owner any more leaves no way back in."""
    return Invitation.objects.filter(expires_at__gt=clock.now(), invited_by__in=User.objects.owners())


def _digest(token: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()
