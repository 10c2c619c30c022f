"""An owner gives roles, and there is always an owner left."""

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from portal.accounts.models import Role, User
from portal.audit.models import AuditEntry
from portal.people.services import LastOwner, give_role

type ClientOf = Callable[[User], Client]
type MakeOwner = Callable[[User], User]


def test_a_role_is_given_and_audited(aiko: User, ben: User) -> None:
    assert give_role(person=ben, role=Role.AUDITOR, by=aiko)

    ben.refresh_from_db()
    assert (ben.role, ben.can_read_all) == (Role.AUDITOR, True)
    entry = AuditEntry.objects.get(action="person.role_given")
    assert (entry.by, entry.subject_id) == (aiko, ben.public_id)
    assert entry.data == {"email": ben.email, "before": "developer", "after": "auditor"}


def test_a_role_that_one_has_is_no_news(aiko: User, ben: User) -> None:
    assert not give_role(person=ben, role=Role.DEVELOPER, by=aiko)
    assert not AuditEntry.objects.exists()


def test_the_last_owner_stays_one(aiko: User, ben: User) -> None:
    with pytest.raises(LastOwner):
        give_role(person=aiko, role=Role.POLICY_ADMIN, by=aiko)

    aiko.refresh_from_db()
    assert aiko.is_owner
    assert not AuditEntry.objects.exists()


def test_an_owner_whose_account_is_closed_counts_for_nothing(aiko: User, ben: User, make_owner: MakeOwner) -> None:
    User.objects.filter(pk=make_owner(ben).pk).update(is_active=False)

    with pytest.raises(LastOwner):
        give_role(person=aiko, role=Role.DEVELOPER, by=aiko)


def test_an_owner_may_step_down_beside_another(aiko: User, ben: User, make_owner: MakeOwner) -> None:
    make_owner(ben)

    assert give_role(person=aiko, role=Role.DEVELOPER, by=aiko)


@pytest.mark.parametrize("changes", [{"role": Role.POLICY_ADMIN}, {"is_active": False}])
def test_whoever_is_no_owner_any_more_gives_no_role(
    aiko: User, ben: User, chie: User, changes: dict[str, str], make_owner: MakeOwner
) -> None:
    make_owner(ben)
    User.objects.filter(pk=ben.pk).update(**changes)

    with pytest.raises(PermissionDenied):
        give_role(person=chie, role=Role.OWNER, by=ben)


def test_page_of_a_person_gives_the_role(client_of: ClientOf, aiko: User, ben: User) -> None:
    browser = client_of(aiko)
    assert f"/people/{ben.public_id}" in browser.get("/people").content.decode()

    response = browser.post(f"/people/{ben.public_id}/role", {"role": Role.POLICY_ADMIN}, follow=True)

    ben.refresh_from_db()
    assert ben.role == Role.POLICY_ADMIN
    assert response.redirect_chain == [(f"/people/{ben.public_id}", 302)]
    assert "Saved." in response.content.decode()


def test_page_refuses_a_role_that_is_none(client_of: ClientOf, aiko: User, ben: User) -> None:
    response = client_of(aiko).post(f"/people/{ben.public_id}/role", {"role": "emperor"})

    assert response.status_code == 422


def test_page_of_the_last_owner_says_why_nothing_is_offered(client_of: ClientOf, aiko: User, ben: User) -> None:
    browser = client_of(aiko)

    page = browser.get(f"/people/{aiko.public_id}").content.decode()
    told = browser.post(f"/people/{aiko.public_id}/role", {"role": Role.DEVELOPER}, follow=True).content.decode()

    assert "Aiko is the only owner." in page
    assert "disabled" in page
    assert "Aiko is the only owner. Make another person an owner first." in told


def test_whoever_steps_down_is_not_led_to_a_page_that_is_no_longer_theirs(
    client_of: ClientOf, aiko: User, ben: User, make_owner: MakeOwner
) -> None:
    make_owner(ben)

    response = client_of(aiko).post(f"/people/{aiko.public_id}/role", {"role": Role.DEVELOPER})

    assert response.headers["Location"] == "/"


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.POLICY_ADMIN, Role.AUDITOR, Role.TEAM_LEAD])
def test_nobody_but_an_owner_gives_roles(client_of: ClientOf, ben: User, chie: User, role: Role) -> None:
    User.objects.filter(pk=ben.pk).update(role=role)
    browser = client_of(ben)

    assert browser.get(f"/people/{chie.public_id}").status_code == 403
    assert browser.post(f"/people/{ben.public_id}/role", {"role": Role.OWNER}).status_code == 403
    ben.refresh_from_db()
    assert ben.role == role
