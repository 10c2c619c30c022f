"""Pages before and after sign-in, their language, their theme and their errors."""

from collections.abc import Callable

import pytest
from django.test import Client

from portal.accounts.models import User
from tests.conftest import PASSWORD

type ClientOf = Callable[[User], Client]


def test_a_visitor_is_sent_to_sign_in(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/sign-in?next=/"


@pytest.mark.django_db
def test_a_visitor_of_a_new_portal_is_told_of_the_set_up_link(client: Client) -> None:
    assert "not set up yet" in client.get("/sign-in").content.decode()


def test_a_session_that_ended_leads_back_to_the_page_and_not_to_what_it_sent(client: Client, aiko: User) -> None:
    before = {"Referer": "http://testserver/machines/?state=online"}

    sent = client.post("/machines/act", {}, headers=before)
    part = client.get("/home/live", headers={"HX-Request": "true", "Referer": "http://elsewhere.example//evil.example"})

    assert (sent.status_code, sent.headers["Location"]) == (303, "/sign-in?ended=1&next=/machines/%3Fstate%3Donline")
    assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/sign-in?ended=1&next=/evil.example")
    assert "Your session has ended" in client.get(sent.headers["Location"]).content.decode()


def test_where_a_form_was_sent_to_is_told_in_words_when_it_is_loaded_again(client_of: ClientOf, ben: User) -> None:
    answer = client_of(ben).get("/ask")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "Forms are sent to this address" in answer.content.decode()


def test_aiko_signs_in_by_e_mail_in_any_case_and_lands_on_home(client: Client, aiko: User) -> None:
    response = client.post("/sign-in", {"username": "Aiko@Example.org", "password": PASSWORD})

    assert response.headers["Location"] == "/"


def test_a_wrong_password_is_told_without_saying_which_half_was_wrong(client: Client, aiko: User) -> None:
    response = client.post("/sign-in", {"username": "aiko@example.org", "password": "wrong"})

    assert "E-mail and password do not match." in response.content.decode()


@pytest.mark.django_db
def test_the_language_switch_works_without_script(client: Client) -> None:
    response = client.post("/preferences", {"language": "ja", "next": "/sign-in"})

    assert response.headers["Location"] == "/sign-in"
    assert '<html lang="ja"' in client.get("/sign-in").content.decode()


@pytest.mark.django_db
def test_the_theme_is_written_by_the_server(client: Client) -> None:
    client.post("/preferences", {"theme": "dark", "next": "/sign-in"})

    assert 'data-theme="dark"' in client.get("/sign-in").content.decode()


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_preferences_never_send_people_to_another_site(client: Client, away: str) -> None:
    assert client.post("/preferences", {"theme": "dark", "next": away}).headers["Location"] == "/"


def test_the_language_is_remembered_for_a_signed_in_person(client_of: ClientOf, ben: User) -> None:
    client_of(ben).post("/preferences", {"language": "ja"})

    ben.refresh_from_db()
    assert ben.language == "ja"


def test_an_unknown_api_address_is_a_problem_and_an_unknown_page_a_page(client_of: ClientOf, ben: User) -> None:
    client = client_of(ben)

    assert client.get("/api/v1/nothing").headers["Content-Type"] == "application/problem+json"
    assert "There is nothing at this address" in client.get("/nothing").content.decode()


def test_a_body_of_unstated_length_is_411(client: Client) -> None:
    response = client.post("/api/v1/decisions", headers={"Transfer-Encoding": "chunked"})

    assert response.status_code == 411


@pytest.mark.parametrize("path", ["/api/v1/decisions", "/api/v1/heartbeats", "/api/v1/enrolments", "/sign-in"])
def test_a_body_that_is_called_packed_is_415(client: Client, path: str) -> None:
    response = client.post(path, {}, content_type="application/json", headers={"Content-Encoding": "gzip"})

    assert response.status_code == 415
    assert response.json()["code"] == "request.encoded"
    assert response.json()["detail"] == "The body is not unpacked here. Send it as it is, without Content-Encoding."


@pytest.mark.parametrize("name", ["identity", "Identity", ""])
def test_a_body_that_is_called_plain_is_read(client: Client, name: str) -> None:
    response = client.post(
        "/api/v1/enrolments", {}, content_type="application/json", headers={"Content-Encoding": name}
    )

    assert response.status_code == 400


def test_pages_allow_no_inline_script_or_style(client_of: ClientOf, aiko: User) -> None:
    response = client_of(aiko).get("/")

    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy
    page = response.content.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page


def test_five_wrong_passwords_lock_the_pair_of_e_mail_and_address(client: Client, aiko: User, ben: User) -> None:
    for _ in range(5):
        client.post("/sign-in", {"username": "aiko@example.org", "password": "wrong"})

    right = {"username": "aiko@example.org", "password": PASSWORD}
    assert "Too many tries" in client.post("/sign-in", right).content.decode()
    assert client.post("/sign-in", right, REMOTE_ADDR="192.0.2.7").status_code == 302
    assert client.post("/sign-in", {"username": "ben@example.org", "password": PASSWORD}).status_code == 302


def test_a_person_who_signs_in_starts_with_a_clean_count(client: Client, aiko: User) -> None:
    for password in ["wrong"] * 4 + [PASSWORD] + ["wrong"] * 4:
        Client().post("/sign-in", {"username": "aiko@example.org", "password": password})

    assert client.post("/sign-in", {"username": "aiko@example.org", "password": PASSWORD}).status_code == 302
