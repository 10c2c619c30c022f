"""People join by a link from an owner, and by nothing else."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from portal.accounts.invitations import LIFETIME, invite_person
from portal.accounts.models import Role, User
from portal.audit.models import AuditEntry
from tests.conftest import PASSWORD

type ClientOf = Callable[[User], Client]

DAI = {"name": "Dai", "email": "Dai@example.org", "role": Role.DEVELOPER}


def test_a_person_joins_by_the_link_that_aiko_hands_over(client_of: ClientOf, client: Client, aiko: User) -> None:
    page = client_of(aiko).post("/people", DAI).content.decode()
    [path] = set(re.findall(r"http://testserver(/invitations/[\w-]+)", page))

    response = client.post(path, {"password": PASSWORD})

    dai = User.objects.get(email="dai@example.org")
    assert response.headers["Location"] == "/"
    assert (dai.role, client.session["_auth_user_id"]) == (Role.DEVELOPER, str(dai.pk))
    assert AuditEntry.objects.filter(by=aiko, action="person.invited").exists()
    assert Client().get(path).status_code == 410


def test_ben_cannot_invite(client_of: ClientOf, ben: User) -> None:
    assert client_of(ben).post("/people", DAI).status_code == 403
    assert "/people" not in client_of(ben).get("/sign-in", follow=True).content.decode()


def test_a_policy_admin_cannot_give_roles(client_of: ClientOf, ben: User) -> None:
    ben.role = Role.POLICY_ADMIN
    ben.save()

    assert client_of(ben).post("/people", DAI | {"role": Role.OWNER}).status_code == 403


def test_an_invitation_is_dead_after_seven_days(client: Client, aiko: User) -> None:
    token = invite_person(by=aiko, email="dai@example.org", name="Dai", role=Role.DEVELOPER)

    with time_machine.travel(timezone.now() + LIFETIME + timedelta(seconds=1), tick=False):
        assert client.get(f"/invitations/{token}").status_code == 410


def test_a_second_invitation_ends_the_first_link(client: Client, aiko: User) -> None:
    first = invite_person(by=aiko, email="dai@example.org", name="Dai", role=Role.DEVELOPER)
    second = invite_person(by=aiko, email="DAI@example.org", name="Dai", role=Role.DEVELOPER)

    assert client.get(f"/invitations/{first}").status_code == 410
    assert client.get(f"/invitations/{second}").status_code == 200


def test_a_weak_password_is_refused(client: Client, aiko: User) -> None:
    token = invite_person(by=aiko, email="dai@example.org", name="Dai", role=Role.DEVELOPER)

    assert client.post(f"/invitations/{token}", {"password": "short"}).status_code == 422


@pytest.mark.parametrize("email", ["ben@example.org", "BEN@example.org"])
def test_a_person_with_an_account_is_not_invited_again(client_of: ClientOf, aiko: User, ben: User, email: str) -> None:
    assert client_of(aiko).post("/people", DAI | {"email": email}).status_code == 422
