"""The first run: a link that works once, an owner, and the answer to the NDA question."""

from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.test import Client

from portal.accounts.models import Role, User
from portal.audit.models import AuditEntry
from portal.setup.forms import read_open_remote
from portal.setup.models import SetupToken
from portal.setup.services import TOKEN_LIFETIME, FirstRun, first_policy, issue_setup_token
from routing.bundles import get_current_document
from routing.models import PolicyRevision

pytestmark = pytest.mark.django_db

ANSWERS = {
    "language": "ja",
    "organisation": "Hoshizora Works",
    "name": "Aiko",
    "email": "Aiko@example.org",
    "password": "correct horse battery staple",
    "has_nda": "yes",
    "open_remotes": "https://github.com/hoshizora\ngit@gitlab.example.org:oss/tool.git\n",
}


def test_the_first_person_becomes_owner_is_signed_in_and_lands_on_home(client: Client) -> None:
    response = client.post(f"/setup/{issue_setup_token()}", ANSWERS)

    owner = User.objects.get()
    assert response.headers["Location"] == "/"
    assert (owner.email, owner.role, owner.language) == ("aiko@example.org", Role.OWNER, "ja")
    assert client.get("/").status_code == 200
    assert AuditEntry.objects.filter(by=owner, action="portal.set_up").exists()


def test_the_token_is_kept_as_a_digest_only(client: Client) -> None:
    token = issue_setup_token()

    assert token not in SetupToken.objects.get().digest


def test_the_link_works_once(client: Client) -> None:
    token = issue_setup_token()
    client.post(f"/setup/{token}", ANSWERS)

    response = Client().post(f"/setup/{token}", ANSWERS | {"email": "chie@example.org"})

    assert response.status_code == 410
    assert User.objects.count() == 1


def test_the_link_is_dead_after_an_hour(client: Client) -> None:
    token = issue_setup_token()

    with time_machine.travel(SetupToken.objects.get().expires_at + timedelta(seconds=1), tick=False):
        assert client.get(f"/setup/{token}").status_code == 410
    assert timedelta(hours=1) == TOKEN_LIFETIME


def test_a_new_link_ends_the_older_one(client: Client) -> None:
    older = issue_setup_token()
    newer = issue_setup_token()

    assert client.get(f"/setup/{older}").status_code == 410
    assert client.get(f"/setup/{newer}").status_code == 200


def test_a_guessed_token_shows_nothing(client: Client) -> None:
    assert client.get("/setup/guess").status_code == 410


@pytest.mark.parametrize("field", ["organisation", "name", "email", "password", "has_nda", "language"])
def test_each_question_needs_an_answer(client: Client, field: str) -> None:
    response = client.post(f"/setup/{issue_setup_token()}", ANSWERS | {field: ""})

    assert response.status_code == 422
    assert not User.objects.exists()


def test_a_weak_password_is_refused_at_its_field(client: Client) -> None:
    response = client.post(f"/setup/{issue_setup_token()}", ANSWERS | {"password": "aiko@example.org"})

    assert response.status_code == 422
    assert 'id="id_password_error"' in response.content.decode()


def first_run(*, has_nda: bool, open_remotes: tuple[str, ...] = ()) -> FirstRun:
    return FirstRun("Aiko", "aiko@example.org", "x", "ja", "Hoshizora", "Asia/Tokyo", has_nda, open_remotes)


def test_under_nda_everything_stays_local_but_the_open_organisations() -> None:
    document = first_policy(first_run(has_nda=True, open_remotes=("github.com/hoshizora/**",)))

    assert document["unclassified"] == {"identified": "local_only", "anonymous": "local_only"}
    [rule] = document["privacy_rules"]
    assert (rule["effect"], rule["match"]) == ("cloud_ok", {"remotes": ["github.com/hoshizora/**"]})


def test_without_nda_known_repositories_may_go_to_the_cloud_and_no_rule_is_made() -> None:
    document = first_policy(first_run(has_nda=False, open_remotes=("github.com/hoshizora/**",)))

    assert document["unclassified"] == {"identified": "cloud_ok", "anonymous": "local_only"}
    assert "privacy_rules" not in document


@pytest.mark.parametrize(
    ("pasted", "pattern"),
    [
        ("github.com/acme", "github.com/acme/**"),
        ("https://GitHub.com/acme/", "github.com/acme/**"),
        ("git@github.com:acme/app.git", "github.com/acme/app"),
        ("github.com/acme/**", "github.com/acme/**"),
    ],
)
def test_what_people_paste_becomes_a_pattern(pasted: str, pattern: str) -> None:
    assert read_open_remote(pasted) == pattern


@pytest.mark.parametrize(
    "odd", ["acme", "github.com", "github.com/**", "**/acme", "github.com/acme app", "github.com//x"]
)
def test_a_line_that_would_open_too_much_or_nothing_is_refused(odd: str) -> None:
    with pytest.raises(ValidationError):
        read_open_remote(odd)


@pytest.mark.parametrize(("has_nda", "effect"), [("yes", "local_only"), ("no", "cloud_ok")])
def test_the_answer_is_published_as_a_revision(client: Client, has_nda: str, effect: str) -> None:
    client.post(f"/setup/{issue_setup_token()}", ANSWERS | {"has_nda": has_nda})

    document = get_current_document()
    assert document["unclassified"] == {"identified": effect, "anonymous": "local_only"}
    assert document["organisation"]["name"] == "Hoshizora Works"
    assert PolicyRevision.objects.latest("number").by == User.objects.get()
