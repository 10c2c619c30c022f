"""Requests of developers: made once, seen by the admins, answered with a rule or a no, and told to their Mac."""

from typing import Any

import pytest

from portal.audit.models import AuditEntry
from portal.notices.models import Delivery
from portal.notices.wording import put_into_words
from routing.inbox import list_requests
from routing.models import PolicyRequest
from tests.routing.conftest import Caller
from tests.routing.test_pages import FORM

PROJECT = {"remotes": [{"raw": "x", "url": "https://ben:secret@github.com/acme/app.git"}], "paths": ["~/work/app"]}
CLASSIFY = {"kind": "classify", "reason": "A customer's code", "projects": [PROJECT]}


def make(caller: Caller, **changes: object) -> Any:
    document = {**CLASSIFY, **changes}
    return caller.client.post("/api/v1/requests", document, content_type="application/json")


@pytest.fixture
def asked(publish, ben_mini: Caller) -> PolicyRequest:
    publish()
    assert make(ben_mini).status_code == 200
    return PolicyRequest.objects.get()


def test_a_request_names_the_repository_without_credentials_or_folders(asked, ben):
    assert (asked.kind, asked.state, asked.remote_list) == ("classify", "open", ["github.com/acme/app"])
    entry = AuditEntry.objects.get(action="request.made")
    assert (entry.by, entry.subject_id) == (ben, asked.public_id)


def test_the_same_request_waits_once(asked, ben_mini, chie_air):
    again = make(ben_mini, reason="please").json()

    assert again["id"] == asked.public_id
    assert make(ben_mini, kind="exception").json()["id"] != asked.public_id
    assert make(chie_air).json()["id"] != asked.public_id
    assert PolicyRequest.objects.count() == 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "other"}, "kind"),
        ({"kind": None}, "kind"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": 3}, "reason"),
        ({"projects": None}, "projects"),
        ({"prompt": "x"}, "prompt"),
    ],
)
def test_a_request_outside_its_shape_is_refused_by_name(publish, ben_mini, changes, field):
    publish()
    answer = make(ben_mini, **changes)

    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert not PolicyRequest.objects.exists()


def test_a_person_sees_the_requests_of_their_own_macs_and_admins_all(asked, aiko, ben, chie):
    assert [list(list_requests(person)) for person in (aiko, ben, chie)] == [[asked], [asked], []]


def test_the_admin_meets_it_at_home_and_answers_with_a_rule_that_is_filled_in(asked, client_of, aiko, ben_mini):
    browser = client_of(aiko)
    address = f"/rules/new?request={asked.public_id}"

    assert "1 request waits" in browser.get("/").content.decode()
    assert "github.com/acme/app" in browser.get("/requests/").content.decode()
    assert "github.com/acme/app" in browser.get(address).content.decode()
    form = {**FORM, "code": "app", "remotes": "github.com/acme/app", "effect": "local_only"}
    assert browser.post(address, form).status_code == 302

    asked.refresh_from_db()
    assert (asked.state, asked.answered_by, asked.revision) == ("answered", aiko, 2)
    told = ben_mini.client.get("/api/v1/requests").json()["results"]
    assert [(one["id"], one["state"], one["revision"]) for one in told] == [(asked.public_id, "answered", 2)]
    assert browser.get(address).status_code == 404
    assert "request waits" not in browser.get("/").content.decode()


@pytest.mark.parametrize("answer", ["answered", "declined"])
def test_who_asked_is_told_of_the_answer_and_nobody_else(asked, client_of, aiko, ben, settings, answer):
    settings.MAIL_FROM = "Kirikae <kirikae@example.org>"
    browser = client_of(aiko)
    form = {**FORM, "code": "app", "remotes": "github.com/acme/app", "effect": "local_only"}
    if answer == "answered":
        browser.post(f"/rules/new?request={asked.public_id}", form)
    else:
        browser.post(f"/requests/{asked.public_id}/decline")

    (delivery,) = Delivery.objects.filter(notice__subject=asked.public_id)
    words = put_into_words(delivery.notice, language="en")
    assert (delivery.notice.kind, delivery.person) == (f"request.{answer}", ben)
    assert "github.com/acme/app" in words.title
    assert words.text.startswith(f"{aiko.name} {answer} what you asked on ben-mini")


def test_a_remote_with_a_star_opens_nothing_else(publish, ben_mini, client_of, aiko):
    publish()
    stars = [{"remotes": ["https://github.com/**", "https://github.com/acme/a*b", "git@github.com:acme/app.git"]}]
    made = make(ben_mini, kind="exception", projects=stars).json()
    browser = client_of(aiko)

    by_request = browser.get(f"/rules/new?request={made['id']}").context["form"]["remotes"].value()
    by_project = browser.get("/rules/new?remote=github.com/acme/**&effect=cloud_ok").context["form"]["remotes"].value()

    assert (by_request, by_project) == ("github.com/acme/app", "")


def test_a_declined_request_may_be_made_again(asked, client_of, aiko, ben, ben_mini):
    address = f"/requests/{asked.public_id}/decline"

    assert client_of(ben).post(address).status_code == 403
    assert client_of(aiko).post(address).status_code == 302
    assert client_of(aiko).post(address).status_code == 404
    asked.refresh_from_db()
    assert asked.state == "declined"
    assert AuditEntry.objects.filter(action="request.declined", by=aiko).count() == 1
    assert make(ben_mini).json()["id"] != asked.public_id


def test_a_mac_sees_its_own_requests_only(asked, chie_air, service):
    assert chie_air.client.get("/api/v1/requests").json()["results"] == []
    assert service.client.get("/api/v1/requests").status_code == 403
