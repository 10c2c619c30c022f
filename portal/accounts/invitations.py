"""One-time links that an owner hands over, to join or to set a new password; the portal itself sends no mail."""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from portal.accounts.models import Invitation, User
from portal.audit.services import record
from portal.common import clock

LIFETIME = timedelta(days=7)
# It opens an account that is in use: whoever asked for it is there to take it.
PASSWORD_LIFETIME = timedelta(hours=1)


class InvitationClosed(Exception):  # noqa: N818 - it tells a state
    """The link is unknown, used or too old, or the account is closed."""


@transaction.atomic
def invite_person(*, by: User, email: str, name: str, role: str) -> str:
    """The token of the link. Inviting the same address again ends the older link."""
    wanted = Invitation(email=email.lower(), name=name, role=role)
    invitation, token = _make_link(wanted, by=by, lifetime=LIFETIME)
    record(by=by, action="person.invited", subject=invitation, data={"email": invitation.email, "role": role})
    return token


@transaction.atomic
def make_password_link(*, person: User, by: User) -> str:
    """The token of the link. Making another one ends the older. Raises InvitationClosed."""
    if User.objects.find_open(person.pk) is None:
        raise InvitationClosed
    wanted = Invitation(email=person.email, name=person.name, role=person.role, person=person)
    _invitation, token = _make_link(wanted, by=by, lifetime=PASSWORD_LIFETIME)
    record(by=by, action="person.password_link_made", subject=person, data={"email": person.email})
    return token


def find_invitation(token: str) -> Invitation | None:
    return _links_that_hold().filter(digest=_digest(token)).first()


@transaction.atomic
def accept_invitation(*, token: str, password: str | None, language: str) -> User:
    """The new user, who cannot sign in without a password. Raises InvitationClosed; the link is used up."""
    invitation = find_invitation(token)
    if invitation is None or User.objects.filter(email=invitation.email).exists():
        raise InvitationClosed
    _use_up(invitation)
    person = User.objects.create_user(
        email=invitation.email, name=invitation.name, password=password, role=invitation.role, language=language
    )
    record(by=person, action="person.joined", subject=person, data={"role": person.role})
    return person


@transaction.atomic
def set_new_password(*, token: str, password: str) -> User:
    """Ends the sessions of the person, which go by the password. Raises InvitationClosed; the link is used up."""
    invitation = find_invitation(token)
    # The account first, as when it is closed: two that lock rows in different orders may wait for each other.
    person = User.objects.find_open(invitation.person_id) if invitation and invitation.person_id else None
    if invitation is None or person is None:
        raise InvitationClosed
    _use_up(invitation)
    person.set_password(password)
    person.save(update_fields=["password"])
    record(by=person, action="person.password_set", subject=person, data={"email": person.email})
    return person


def list_people() -> list[User]:
    """Those whose account is closed come last."""
    return list(User.objects.order_by("-is_active", "name", "pk"))


def list_open_invitations() -> list[Invitation]:
    return list(_links_that_hold().filter(person=None))


def end_links_of(person: User) -> None:
    """Those for the person, and those that they handed out: whoever made a link has seen it."""
    Invitation.objects.filter(Q(person=person) | Q(invited_by=person)).delete()


def _make_link(wanted: Invitation, *, by: User, lifetime: timedelta) -> tuple[Invitation, str]:
    """One link for each address."""
    token = secrets.token_urlsafe(32)
    columns = {
        "digest": _digest(token),
        "name": wanted.name,
        "role": wanted.role,
        "person": wanted.person,
        "invited_by": by,
        "expires_at": clock.now() + lifetime,
    }
    invitation, _made = Invitation.objects.update_or_create(email=wanted.email, defaults=columns)
    return invitation, token


def _links_that_hold() -> QuerySet[Invitation]:
    """A link holds while who handed it out may invite: whoever is no owner any more leaves no way back in."""
    is_for_somebody = Q(person=None) | Q(person__is_active=True)
    return Invitation.objects.filter(is_for_somebody, expires_at__gt=clock.now(), invited_by__in=User.objects.owners())


def _use_up(invitation: Invitation) -> None:
    """Of two who use one link at once, one deletes the row; a link that was replaced meanwhile is not this one."""
    if not Invitation.objects.filter(pk=invitation.pk, digest=invitation.digest).delete()[0]:
        raise InvitationClosed


def _digest(token: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()
