"""Two owners who act on accounts at once, on PostgreSQL, where both really run."""

import threading
from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections, transaction

from portal.accounts.models import Role, User
from portal.people.services import LastOwner, give_role
from tests.routing.test_races import wait_until_somebody_waits_for_a_lock

pytestmark = [pytest.mark.slow, pytest.mark.where("postgresql"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def owners(aiko: User, ben: User) -> tuple[User, User]:
    ben.role = Role.OWNER
    ben.save(update_fields=["role"])
    return aiko, ben


def while_another_does(act: Callable[[], object], first: Callable[[], object]) -> BaseException | None:
    """`act` starts while the transaction of `first` is open. Returns what it was refused with."""
    refused: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except (LastOwner, PermissionDenied) as refusal:
            refused.append(refusal)
        finally:
            connections.close_all()

    other = threading.Thread(target=run)
    with transaction.atomic():
        first()
        other.start()
        wait_until_somebody_waits_for_a_lock()
    other.join(30)
    return refused[0] if refused else None


def test_of_two_owners_who_step_down_at_once_one_stays(owners: tuple[User, User]) -> None:
    aiko, ben = owners

    refusal = while_another_does(
        lambda: give_role(person=ben, role=Role.DEVELOPER, by=ben),
        first=lambda: give_role(person=aiko, role=Role.DEVELOPER, by=aiko),
    )

    assert isinstance(refusal, LastOwner)
    assert list(User.objects.owners()) == [ben]


def test_of_two_owners_who_take_the_role_from_each_other_the_second_has_none(owners: tuple[User, User]) -> None:
    aiko, ben = owners

    refusal = while_another_does(
        lambda: give_role(person=aiko, role=Role.DEVELOPER, by=ben),
        first=lambda: give_role(person=ben, role=Role.DEVELOPER, by=aiko),
    )

    assert isinstance(refusal, PermissionDenied)
    assert list(User.objects.owners()) == [aiko]
