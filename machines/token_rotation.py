"""Replacing the token of a machine so that a crash at any moment leaves it with one that works.

A new token is handed out beside the one in use and takes over with its first use; the old one then holds for some
minutes more, for what was started with it. A new one that never arrived lapses, and the old one goes on.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from machines.enrolment import MACHINE_TOKEN_LIFETIME
from machines.models import Machine
from portal.accounts.models import ApiToken, Scope, TokenKind, User
from portal.accounts.tokens import IssuedToken, extend_token, issue_token, revoke_token
from portal.audit.services import record
from portal.common import clock

ROTATE_AFTER = timedelta(days=7)
# A machine that is switched off with a new token in hand may come back after a long weekend.
UNUSED_LIFETIME = timedelta(days=7)
GRACE = timedelta(minutes=10)


def is_rotation_due(machine: Machine) -> bool:
    return machine.token is not None and clock.now() - machine.token.created_at > ROTATE_AFTER


@transaction.atomic
def rotate_token(*, machine: Machine) -> IssuedToken:
    """Asking again revokes what was handed out before and never used: that answer was lost."""
    now = clock.now()
    ApiToken.objects.filter(replaces=machine.token, revoked_at=None).update(revoked_at=now)
    issued = issue_token(
        kind=TokenKind.MACHINE,
        scope=Scope.MACHINE,
        name=machine.name,
        expires_at=now + UNUSED_LIFETIME,
        created_by=machine.owner,
        replaces=machine.token,
    )
    record(by=None, actor=_actor(machine), action="machine.token_issued", subject=machine, data={"name": machine.name})
    return issued


def take_up_token(*, machine: Machine, token: ApiToken) -> None:
    """The first use of a new token makes it the machine's; costs nothing for any other use."""
    if machine.token_id == token.pk or machine.token_id != token.replaces_id:
        return
    _take_up(machine, token, now=clock.now())


@transaction.atomic
def _take_up(machine: Machine, token: ApiToken, *, now: datetime) -> None:
    # Of two requests at once one changes the row.
    if not Machine.objects.filter(pk=machine.pk, token=token.replaces_id).update(token=token):
        return
    ApiToken.objects.filter(successors=token, expires_at__gt=now + GRACE).update(expires_at=now + GRACE)
    extend_token(token, until=now + MACHINE_TOKEN_LIFETIME)
    machine.token = token
    record(by=None, actor=_actor(machine), action="machine.token_rotated", subject=machine, data={"name": machine.name})


def revoke_tokens_of(machine: Machine, *, by: User | None) -> None:
    """The one in use, and those before and after it."""
    used = machine.token
    if used is None:
        return
    lineage = Q(pk=used.pk) | Q(successors=used) | Q(replaces=used)
    for token in ApiToken.objects.filter(lineage, revoked_at=None).distinct():
        revoke_token(token=token, by=by)


def _actor(machine: Machine) -> str:
    return f"machine {machine.public_id}"
