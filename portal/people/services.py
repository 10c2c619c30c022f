"""What an owner changes of an account: its role, closed or open. Somebody always stays who may do so."""

from django.db import transaction

from machines.health.standing import revoke_machines_of
from portal.accounts.access import require_owner
from portal.accounts.invitations import end_links_of
from portal.accounts.models import User
from portal.accounts.tokens import revoke_tokens_made_by
from portal.audit.services import record


class LastOwner(Exception):  # noqa: N818 - it tells a state
    """Without this person nobody could look after people."""


@transaction.atomic
def give_role(*, person: User, role: str, by: User) -> bool:
    """False: it was theirs before. Raises LastOwner, and PermissionDenied when `by` is no owner any more."""
    current, is_last_owner = _lock(person, by=by)
    before = current.role
    if role == before:
        return False
    if is_last_owner:
        raise LastOwner
    current.role = role
    current.save(update_fields=["role"])
    data: dict[str, object] = {"email": current.email, "before": before, "after": role}
    record(by=by, action="person.role_given", subject=current, data=data)
    return True


@transaction.atomic
def close_account(*, person: User, by: User) -> bool:
    """Ends their sessions, and with the next request the tokens of their Macs and all that they made or handed out.

    False: it was closed before. Raises LastOwner, and PermissionDenied when `by` is no owner any more.
    """
    current, is_last_owner = _lock(person, by=by)
    if not current.is_active:
        return False
    if is_last_owner:
        raise LastOwner
    current.is_active = False
    current.session_epoch += 1
    current.save(update_fields=["is_active", "session_epoch"])
    machines = revoke_machines_of(current, by=by)
    revoke_tokens_made_by(current, by=by)
    end_links_of(current)
    record(by=by, action="person.closed", subject=current, data={"email": current.email, "machines": machines})
    return True


@transaction.atomic
def reopen_account(*, person: User, by: User) -> bool:
    """Gives the sign-in back and nothing else that closing took. False: it was open before. Raises PermissionDenied."""
    current, _is_last_owner = _lock(person, by=by)
    if current.is_active:
        return False
    current.is_active = True
    current.save(update_fields=["is_active"])
    record(by=by, action="person.reopened", subject=current, data={"email": current.email})
    return True


def is_last_owner(person: User) -> bool:
    """For the page, which says why it offers nothing; the services look again."""
    return [owner.pk for owner in User.objects.owners()] == [person.pk]


def _lock(person: User, *, by: User) -> tuple[User, bool]:
    """The person as they are now, and whether they are the last owner.

    All owners are locked with them, in one order: of two owners who take each other's role away the second finds
    itself to be none.
    """
    concerned = User.objects.owners() | User.objects.filter(pk=person.pk)
    locked = {one.pk: one for one in concerned.select_for_update(no_key=True).order_by("pk")}
    owners = {pk: one for pk, one in locked.items() if one.is_owner and one.is_active}
    require_owner(owners.get(by.pk))
    return locked[person.pk], list(owners) == [person.pk]
