"""Who forgot the password sets another one by a link from an owner: once, within the hour."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from portal.accounts.invitations import (
    PASSWORD_LIFETIME,
    InvitationClosed,
    accept_invitation,
    invite_person,
    list_open_invitations,
    make_password_link,
    set_new_password,
)
from portal.accounts.models import Invitation, Role, User
from portal.audit.models import AuditEntry
from portal.people.services import close_account, give_role, reopen_account
from tests.conftest import PASSWORD

type ClientOf = Callable[[User], Client]
type MakeOwner = Callable[[User], User]
NEW = "another battery, another staple"


def test_ben_sets_a_password_by_the_link_that_aiko_hands_over(
    client_of: ClientOf, client: Client, aiko: User, ben: User
) -> None:
    page = client_of(aiko).post(f"/people/{ben.public_id}/password").content.decode()
    [path] = set(re.findall(r"http://testserver(/invitations/[\w-]+)", page))
    asked = client.get(path).content.decode()

    told = client.post(path, {"password": NEW}, follow=True)

    assert "For ben@example.org." in asked
    assert "Your new password is set." in told.content.decode()
    assert client.session["_auth_user_id"] == str(ben.pk)
    ben.refresh_from_db()
    assert ben.check_password(NEW)
    assert Client().post(path, {"password": PASSWORD}).status_code == 410


def test_making_and_using_a_link_are_audited(aiko: User, ben: User) -> None:
    token = make_password_link(person=ben, by=aiko)
    set_new_password(token=token, password=NEW)

    entries = AuditEntry.objects.filter(subject_id=ben.public_id).order_by("pk")
    assert [(one.action, one.by) for one in entries] == [
        ("person.password_link_made", aiko),
        ("person.password_set", ben),
    ]
    assert token not in str(list(AuditEntry.objects.values()))


def test_the_link_is_stored_nowhere(aiko: User, ben: User) -> None:
    token = make_password_link(person=ben, by=aiko)

    assert token not in str(list(Invitation.objects.values()))


def test_the_password_of_before_holds_until_the_link_is_used(client_of: ClientOf, aiko: User, ben: User) -> None:
    browser = client_of(ben)

    make_password_link(person=ben, by=aiko)

    ben.refresh_from_db()
    assert ben.check_password(PASSWORD)
    assert browser.get("/").status_code == 200


def test_a_new_password_ends_the_sessions(client_of: ClientOf, aiko: User, ben: User) -> None:
    browser = client_of(ben)

    set_new_password(token=make_password_link(person=ben, by=aiko), password=NEW)

    assert browser.get("/").headers["Location"].startswith("/sign-in")


def test_the_link_is_dead_after_an_hour(client: Client, aiko: User, ben: User) -> None:
    token = make_password_link(person=ben, by=aiko)

    with time_machine.travel(timezone.now() + PASSWORD_LIFETIME + timedelta(seconds=1), tick=False):
        assert client.post(f"/invitations/{token}", {"password": NEW}).status_code == 410


def test_a_second_link_ends_the_first(client: Client, aiko: User, ben: User) -> None:
    first = make_password_link(person=ben, by=aiko)
    second = make_password_link(person=ben, by=aiko)

    assert client.get(f"/invitations/{first}").status_code == 410
    assert client.get(f"/invitations/{second}").status_code == 200


@pytest.mark.parametrize("password", ["short", "ben@example.org"])
def test_a_weak_password_is_refused_and_the_link_still_works(
    client: Client, aiko: User, ben: User, password: str
) -> None:
    token = make_password_link(person=ben, by=aiko)

    assert client.post(f"/invitations/{token}", {"password": password}).status_code == 422
    assert client.post(f"/invitations/{token}", {"password": NEW}).status_code == 302


def test_a_closed_account_gets_no_link(client_of: ClientOf, aiko: User, ben: User) -> None:
    close_account(person=ben, by=aiko)

    told = client_of(aiko).post(f"/people/{ben.public_id}/password", follow=True).content.decode()

    assert "The account is closed. Open it again first." in told
    assert "/invitations/" not in told
    assert not Invitation.objects.exists()


def test_closing_ends_the_link_for_good(client: Client, aiko: User, ben: User) -> None:
    token = make_password_link(person=ben, by=aiko)

    close_account(person=ben, by=aiko)
    assert client.post(f"/invitations/{token}", {"password": NEW}).status_code == 410
    reopen_account(person=ben, by=aiko)

    assert client.post(f"/invitations/{token}", {"password": NEW}).status_code == 410
    ben.refresh_from_db()
    assert ben.check_password(PASSWORD)


def test_a_link_by_whoever_is_no_owner_any_more_opens_nothing(
    client: Client, aiko: User, ben: User, chie: User, make_owner: MakeOwner
) -> None:
    token = make_password_link(person=chie, by=make_owner(ben))

    give_role(person=ben, role=Role.DEVELOPER, by=aiko)

    assert client.post(f"/invitations/{token}", {"password": NEW}).status_code == 410


def test_a_link_to_join_sets_no_password_and_one_to_set_a_password_invites_nobody(aiko: User, ben: User) -> None:
    to_join = invite_person(by=aiko, email="dai@example.org", name="Dai", role=Role.DEVELOPER)
    to_set = make_password_link(person=ben, by=aiko)

    with pytest.raises(InvitationClosed):
        set_new_password(token=to_join, password=NEW)
    with pytest.raises(InvitationClosed):
        accept_invitation(token=to_set, password=NEW, language="en")
    assert [one.email for one in list_open_invitations()] == ["dai@example.org"]


def test_names_are_text_beside_the_link(client_of: ClientOf, aiko: User, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(name="<b>Ben</b> & Co")

    page = client_of(aiko).post(f"/people/{ben.public_id}/password").content.decode()

    assert "Hand this link to &lt;b&gt;Ben&lt;/b&gt; &amp; Co." in page


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.POLICY_ADMIN, Role.AUDITOR, Role.TEAM_LEAD])
def test_nobody_but_an_owner_makes_links(client_of: ClientOf, aiko: User, ben: User, role: Role) -> None:
    User.objects.filter(pk=ben.pk).update(role=role)

    assert client_of(ben).post(f"/people/{aiko.public_id}/password").status_code == 403
    assert not Invitation.objects.exists()
