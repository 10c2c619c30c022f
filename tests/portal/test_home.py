"""The home page: the next step for newcomers, then one's Macs, decisions and the ask box."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from machines.models import Machine
from portal.accounts.models import User
from portal.home.forms import AskForm
from routing.models import Decision

type ClientOf = Callable[[User], Client]

ASK = {"task": "commit-message", "remote": "github.com/acme/app", "machine": ""}


@pytest.fixture
def bens_mac(ben: User) -> Machine:
    now = timezone.now()
    return Machine.objects.create(name="ben-mini", owner=ben, state_since=now, created_at=now)


def test_a_person_without_a_mac_is_told_to_add_one(client_of: ClientOf, ben: User) -> None:
    page = client_of(ben).get("/").content.decode()

    assert "Add your Mac" in page
    assert 'href="/machines/add"' in page


def test_ben_sees_his_mac_and_chie_does_not(client_of: ClientOf, bens_mac: Machine, ben: User, chie: User) -> None:
    assert "ben-mini" in client_of(ben).get("/").content.decode()
    assert "ben-mini" not in client_of(chie).get("/").content.decode()


def test_the_ask_box_starts_with_ones_own_mac(client_of: ClientOf, bens_mac: Machine, ben: User, aiko: User) -> None:
    option = f'<option value="{bens_mac.public_id}" selected>'

    assert option in client_of(ben).get("/").content.decode()
    assert option not in client_of(aiko).get("/").content.decode()


def test_asking_without_script_shows_the_whole_page_with_the_answer(client_of: ClientOf, ben: User) -> None:
    page = client_of(ben).post("/ask", ASK).content.decode()

    decision = Decision.objects.get(asked_by=ben)
    assert "<html" in page
    assert f"/decisions/{decision.public_id}/" in page
    assert decision.request["projects"][0]["remotes"]


def test_htmx_gets_the_ask_box_alone(client_of: ClientOf, ben: User) -> None:
    page = client_of(ben).post("/ask", ASK, headers={"HX-Request": "true"}).content.decode()

    assert "<html" not in page
    assert 'id="answer-card"' in page


def test_ben_cannot_ask_for_the_mac_of_another(client_of: ClientOf, bens_mac: Machine, chie: User) -> None:
    response = client_of(chie).post("/ask", ASK | {"machine": bens_mac.public_id})

    assert response.status_code == 422
    assert not Decision.objects.exists()


def test_an_unknown_task_is_refused(client_of: ClientOf, ben: User) -> None:
    assert client_of(ben).post("/ask", ASK | {"task": "make-coffee"}).status_code == 422


@pytest.mark.parametrize(
    ("typed", "remote"),
    [
        ("github.com/acme/app", "https://github.com/acme/app"),
        ("git@github.com:acme/app.git", "git@github.com:acme/app.git"),
        ("ssh://git@github.com/acme/app", "ssh://git@github.com/acme/app"),
    ],
)
def test_a_repository_typed_as_people_say_it_becomes_a_remote(typed: str, remote: str) -> None:
    form = AskForm(ASK | {"remote": typed}, tasks=[("commit-message", "x")], machines=[])

    assert form.is_valid()
    assert form.to_document()["projects"] == [{"remotes": [remote]}]
