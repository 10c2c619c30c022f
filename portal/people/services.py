"""What an owner changes of an account. Somebody always stays who may do so."""

from django.db import transaction

from portal.accounts.access import require_owner
from portal.accounts.models import User
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


def is_last_owner(person: User) -> bool:
    """For the page, which says why it offers nothing; the services look again."""
    return [owner.pk for owner in User.objects.owners()] == [person.pk]


def _lock(person: User, *, by: User) -> tuple[User, bool]:
    """The person as they are now, and whether they are the last owner.

    All owners are locked with them, in one order: of two owners who take each other's role away the second finds
    itself to be none. NO KEY: who writes what names a person, an audit entry say, need not wait.
    """
    concerned = User.objects.owners() | User.objects.filter(pk=person.pk)
    locked = {one.pk: one for one in concerned.select_for_update(no_key=True).order_by("pk")}
    owners = {pk: one for pk, one in locked.items() if one.is_owner and one.is_active}
    require_owner(owners.get(by.pk))
    return locked[person.pk], list(owners) == [person.pk]
