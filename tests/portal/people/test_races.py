"""Two owners who act on accounts at once, on PostgreSQL, where both really run."""

import threading
from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections, transaction

from machines.enrolment import approve_enrolment, start_enrolment
from machines.health.incidents import note_state_changes
from machines.health.models import Health, StateChange
from machines.models import Machine
from machines.wire import enrolment_from_document
from portal.accounts.invitations import (
    InvitationClosed,
    accept_invitation,
    invite_person,
    make_password_link,
    set_new_password,
)
from portal.accounts.models import Role, User
from portal.common import clock
from portal.people.services import LastOwner, close_account, give_role
from tests.conftest import PASSWORD
from tests.machines.conftest import ENROLMENT, join
from tests.routing.test_races import wait_until_somebody_waits_for_a_lock

pytestmark = [pytest.mark.slow, pytest.mark.where("postgresql"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def owners(aiko: User, ben: User, make_owner: Callable[[User], User]) -> tuple[User, User]:
    return aiko, make_owner(ben)


def while_another_does(
    act: Callable[[], object], *, first: Callable[[], object], then: Callable[[], object] = bool
) -> BaseException | None:
    """`act` starts between `first` and `then`, which are one transaction. Returns what it was refused with."""
    refused: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except (LastOwner, PermissionDenied, InvitationClosed) as refusal:
            refused.append(refusal)
        finally:
            connections.close_all()

    other = threading.Thread(target=run)
    with transaction.atomic():
        first()
        other.start()
        wait_until_somebody_waits_for_a_lock()
        then()
    other.join(30)
    assert not other.is_alive()
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


def test_of_two_owners_who_close_each_other_the_second_has_no_say(owners: tuple[User, User]) -> None:
    aiko, ben = owners

    refusal = while_another_does(
        lambda: close_account(person=aiko, by=ben), first=lambda: close_account(person=ben, by=aiko)
    )

    assert isinstance(refusal, PermissionDenied)
    assert list(User.objects.owners()) == [aiko]


def test_of_an_owner_who_steps_down_and_one_who_leaves_the_second_stays(owners: tuple[User, User]) -> None:
    aiko, ben = owners

    refusal = while_another_does(
        lambda: close_account(person=ben, by=ben),
        first=lambda: give_role(person=aiko, role=Role.DEVELOPER, by=aiko),
    )

    assert isinstance(refusal, LastOwner)
    assert list(User.objects.owners()) == [ben]


def test_no_mac_is_approved_while_the_account_is_being_closed(aiko: User, ben: User) -> None:
    enrolment = start_enrolment(applicant=enrolment_from_document(ENROLMENT).applicant, address="192.0.2.1").row

    refusal = while_another_does(
        lambda: approve_enrolment(enrolment=enrolment, by=ben), first=lambda: close_account(person=ben, by=aiko)
    )

    assert isinstance(refusal, PermissionDenied)
    assert not Machine.objects.exists()


def test_a_mac_that_is_being_approved_is_revoked_with_the_account(aiko: User, ben: User) -> None:
    enrolment = start_enrolment(applicant=enrolment_from_document(ENROLMENT).applicant, address="192.0.2.1").row

    while_another_does(
        lambda: close_account(person=ben, by=aiko), first=lambda: approve_enrolment(enrolment=enrolment, by=ben)
    )

    assert Machine.objects.get().is_retired


def test_closing_waits_for_what_is_being_noticed_of_one_of_the_macs(aiko: User, ben: User) -> None:
    first, second = join("ben-mini", ben)[0], join("ben-air", ben)[0]
    note_state_changes([went_offline(first)])

    while_another_does(
        lambda: close_account(person=ben, by=aiko),
        first=lambda: Health.objects.select_for_update().get(pk=second.pk),
        # It joins the incident of the first: PostgreSQL would end one of the two with an error here.
        then=lambda: note_state_changes([went_offline(second)]),
    )

    assert not Machine.objects.in_use_by(ben).exists()


def test_of_two_who_use_one_link_at_once_one_sets_the_password(aiko: User, ben: User) -> None:
    token = make_password_link(person=ben, by=aiko)

    refusal = while_another_does(
        lambda: set_new_password(token=token, password="theirs"),
        first=lambda: set_new_password(token=token, password="ours"),
    )

    assert isinstance(refusal, InvitationClosed)
    ben.refresh_from_db()
    assert ben.check_password("ours")


def test_of_two_who_join_by_one_link_at_once_one_does(aiko: User) -> None:
    token = invite_person(by=aiko, email="dai@example.org", name="Dai", role=Role.DEVELOPER)

    refusal = while_another_does(
        lambda: accept_invitation(token=token, password="theirs", language="en"),
        first=lambda: accept_invitation(token=token, password="ours", language="en"),
    )

    assert isinstance(refusal, InvitationClosed)
    assert User.objects.get(email="dai@example.org").check_password("ours")


def test_no_password_is_set_while_the_account_is_being_closed(aiko: User, ben: User) -> None:
    token = make_password_link(person=ben, by=aiko)

    refusal = while_another_does(
        lambda: set_new_password(token=token, password="new"), first=lambda: close_account(person=ben, by=aiko)
    )

    assert isinstance(refusal, InvitationClosed)
    ben.refresh_from_db()
    assert (ben.is_active, ben.check_password(PASSWORD)) == (False, True)


def went_offline(machine: Machine) -> StateChange:
    return StateChange(machine=machine, at=clock.now(), before="online", after="offline")
