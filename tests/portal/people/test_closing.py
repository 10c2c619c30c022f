"""A closed account: nothing of it goes on, and opening it again brings back the sign-in alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from machines.enrolment import approve_enrolment, create_join_key
from machines.models import Enrolment, Machine
from machines.services import adopt_machine
from portal.accounts.invitations import invite_person, list_open_invitations
from portal.accounts.models import ApiToken, Role, Scope, User
from portal.accounts.tokens import issue_service_token
from portal.audit.models import AuditEntry
from portal.audit.services import OPERATOR
from portal.people.services import LastOwner, close_account, give_role, reopen_account
from tests.conftest import PASSWORD
from tests.machines.conftest import ENROLMENT, Agent, agent, join, mac, stranger

type ClientOf = Callable[[User], Client]
type MakeOwner = Callable[[User], User]

__all__ = ["agent", "mac", "stranger"]
HEARTBEAT: dict[str, Any] = {"state": None}


def sign_in(email: str, password: str) -> tuple[Client, str]:
    browser = Client()
    response = browser.post("/sign-in", {"username": email, "password": password})
    return browser, "" if response.status_code == 302 else response.content.decode()


def test_closing_ends_the_sessions_at_once(client_of: ClientOf, aiko: User, ben: User) -> None:
    browser = client_of(ben)
    assert browser.get("/").status_code == 200

    assert close_account(person=ben, by=aiko)

    assert browser.get("/").headers["Location"].startswith("/sign-in")


def test_no_session_of_before_comes_back_with_the_account(client_of: ClientOf, aiko: User, ben: User) -> None:
    browser = client_of(ben)
    close_account(person=ben, by=aiko)

    assert reopen_account(person=ben, by=aiko)

    assert browser.get("/").headers["Location"].startswith("/sign-in")
    assert sign_in(ben.email, PASSWORD)[0].get("/").status_code == 200


def test_sessions_of_others_go_on(client_of: ClientOf, aiko: User, ben: User, chie: User) -> None:
    browser = client_of(chie)

    close_account(person=ben, by=aiko)

    assert browser.get("/").status_code == 200


def test_a_closed_account_is_refused_in_the_words_of_a_wrong_password(aiko: User, ben: User, chie: User) -> None:
    close_account(person=ben, by=aiko)

    _browser, closed = sign_in(ben.email, PASSWORD)
    _browser, wrong = sign_in(chie.email, "wrong")

    assert "E-mail and password do not match." in closed
    without = [page.replace(person.email, "") for page, person in ((closed, ben), (wrong, chie))]
    tokens = [page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0] for page in without]
    assert without[0].replace(tokens[0], "") == without[1].replace(tokens[1], "")


def test_macs_of_a_closed_account_are_revoked(agent: Agent, mac: Machine, aiko: User, ben: User) -> None:
    assert agent.post("heartbeats", HEARTBEAT).status_code == 200

    close_account(person=ben, by=aiko)

    refused = agent.post("heartbeats", HEARTBEAT)
    assert (refused.status_code, refused.json()["code"]) == (401, "token.revoked")
    mac.refresh_from_db()
    assert mac.is_retired
    assert AuditEntry.objects.get(action="machine.revoked").by == aiko


def test_macs_stay_revoked_when_the_account_is_opened_again(agent: Agent, mac: Machine, aiko: User, ben: User) -> None:
    close_account(person=ben, by=aiko)
    reopen_account(person=ben, by=aiko)

    assert agent.post("heartbeats", HEARTBEAT).json()["code"] == "token.revoked"


def test_macs_of_others_and_of_nobody_go_on(stranger: Agent, aiko: User, ben: User, chie: User) -> None:
    tokens = [join("chie-air", chie)[1], join("build", None)[1]]

    close_account(person=ben, by=aiko)

    assert [Agent(stranger.client, one).post("heartbeats", HEARTBEAT).status_code for one in tokens] == [200, 200]


def test_a_mac_that_was_approved_and_not_there_yet_gets_no_token(stranger: Agent, aiko: User, ben: User) -> None:
    started = stranger.post("enrolments", ENROLMENT).json()
    approve_enrolment(enrolment=Enrolment.objects.get(), by=ben)

    close_account(person=ben, by=aiko)

    answer = stranger.post("enrolments/poll", {"poll_token": started["poll_token"]})
    assert answer.json() == {"state": "expired"}


def test_whoever_is_closed_takes_no_mac(stranger: Agent, aiko: User, ben: User) -> None:
    stranger.post("enrolments", ENROLMENT)
    machine, _token = join("build", None)
    close_account(person=ben, by=aiko)

    with pytest.raises(PermissionDenied):
        approve_enrolment(enrolment=Enrolment.objects.get(), by=ben)
    with pytest.raises(PermissionDenied):
        adopt_machine(machine=machine, by=ben)
    assert not Machine.objects.filter(owner=ben).exists()


def test_tokens_that_the_person_made_are_revoked(client: Client, aiko: User, ben: User) -> None:
    made = issue_service_token(name="ci", scope=Scope.READ, by=ben).text
    kept = issue_service_token(name="ci", scope=Scope.READ, by=None, actor=OPERATOR).text
    key = create_join_key(uses=2, lifetime=timedelta(hours=1), by=ben).text

    close_account(person=ben, by=aiko)

    assert Agent(client, made).get("machines").json()["code"] == "token.revoked"
    assert Agent(client, kept).get("machines").status_code == 200
    assert Agent(client).post("enrolments", {**ENROLMENT, "join_key": key}).status_code == 403
    assert AuditEntry.objects.filter(action="token.revoked", by=aiko).count() == 2
    assert ApiToken.objects.filter(revoked_at=None).count() == 1


def test_links_that_the_person_handed_out_end(client: Client, aiko: User, ben: User, make_owner: MakeOwner) -> None:
    token = invite_person(by=make_owner(ben), email="dai@example.org", name="Dai", role=Role.OWNER)
    assert client.get(f"/invitations/{token}").status_code == 200

    close_account(person=ben, by=aiko)
    reopen_account(person=ben, by=aiko)

    assert client.get(f"/invitations/{token}").status_code == 410


def test_links_of_whoever_is_no_owner_any_more_open_nothing(
    client: Client, aiko: User, ben: User, make_owner: MakeOwner
) -> None:
    token = invite_person(by=make_owner(ben), email="dai@example.org", name="Dai", role=Role.OWNER)

    give_role(person=ben, role=Role.DEVELOPER, by=aiko)

    assert client.get(f"/invitations/{token}").status_code == 410
    assert client.post(f"/invitations/{token}", {"password": PASSWORD}).status_code == 410
    assert list_open_invitations() == []


def test_closing_and_opening_are_audited_once(mac: Machine, aiko: User, ben: User) -> None:
    assert close_account(person=ben, by=aiko)
    assert not close_account(person=ben, by=aiko)
    assert reopen_account(person=ben, by=aiko)
    assert not reopen_account(person=ben, by=aiko)

    entries = AuditEntry.objects.filter(subject_id=ben.public_id).order_by("pk")
    assert [(one.action, one.by, one.data) for one in entries] == [
        ("person.closed", aiko, {"email": ben.email, "machines": 1}),
        ("person.reopened", aiko, {"email": ben.email}),
    ]


def test_the_last_owner_is_not_closed(mac: Machine, aiko: User, ben: User, make_owner: MakeOwner) -> None:
    close_account(person=make_owner(ben), by=aiko)

    with pytest.raises(LastOwner):
        close_account(person=aiko, by=aiko)

    aiko.refresh_from_db()
    assert aiko.is_active


def test_whoever_is_closed_closes_and_opens_nobody(aiko: User, ben: User, chie: User, make_owner: MakeOwner) -> None:
    close_account(person=make_owner(ben), by=aiko)

    with pytest.raises(PermissionDenied):
        close_account(person=chie, by=ben)
    with pytest.raises(PermissionDenied):
        reopen_account(person=ben, by=ben)


def test_page_tells_what_closing_does_and_does_it(client_of: ClientOf, mac: Machine, aiko: User, ben: User) -> None:
    browser = client_of(aiko)
    page = browser.get(f"/people/{ben.public_id}").content.decode()
    assert "1 Mac is revoked with the account" in page
    assert mac.name in page

    told = browser.post(f"/people/{ben.public_id}/close", follow=True).content.decode()

    assert "The account of Ben is closed." in told
    assert "Developer, closed" in told
    page = browser.get(f"/people/{ben.public_id}").content.decode()
    assert "Open this account again" in page
    assert "Close this account" not in page


def test_page_opens_the_account_again(client_of: ClientOf, aiko: User, ben: User) -> None:
    close_account(person=ben, by=aiko)

    told = client_of(aiko).post(f"/people/{ben.public_id}/reopen", follow=True).content.decode()

    assert "The account of Ben is open again." in told
    assert sign_in(ben.email, PASSWORD)[0].get("/").status_code == 200


def test_page_closes_no_last_owner(client_of: ClientOf, aiko: User) -> None:
    browser = client_of(aiko)

    told = browser.post(f"/people/{aiko.public_id}/close", follow=True).content.decode()

    assert "Aiko is the only owner." in told
    assert browser.get("/").status_code == 200


def test_whoever_closes_their_own_account_is_at_the_sign_in(
    client_of: ClientOf, aiko: User, ben: User, make_owner: MakeOwner
) -> None:
    make_owner(ben)
    browser = client_of(aiko)
    assert "This is your own account." in browser.get(f"/people/{aiko.public_id}").content.decode()

    response = browser.post(f"/people/{aiko.public_id}/close", follow=True)

    assert response.redirect_chain[-1][0].startswith("/sign-in")
    assert "The account of Aiko is closed." in response.content.decode()


@pytest.mark.parametrize("act", ["close", "reopen"])
@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.POLICY_ADMIN, Role.AUDITOR, Role.TEAM_LEAD])
def test_nobody_but_an_owner_closes_or_opens(client_of: ClientOf, ben: User, chie: User, role: Role, act: str) -> None:
    User.objects.filter(pk=ben.pk).update(role=role)
    User.objects.filter(pk=chie.pk).update(is_active=act == "close")

    assert client_of(ben).post(f"/people/{chie.public_id}/{act}").status_code == 403
    chie.refresh_from_db()
    assert chie.is_active == (act == "close")
