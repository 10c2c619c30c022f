"""Requests of developers: made once, seen by the admins, answered with a rule or a no, and told to their Mac."""

from typing import Any

import pytest

from portal.audit.models import AuditEntry
from portal.notices.models import Delivery
from portal.notices.wording import put_into_words
from routing.inbox import list_requests
from routing.models import PolicyDraft, PolicyRequest, PolicyRevision
from tests.routing.conftest import ACME, Caller
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
    assert "github.com/<wbr>acme/<wbr>app" in browser.get("/requests/").content.decode()
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


WAY_OUT = {
    "code": "acme-app",
    "rule": "nda-acme",
    "remotes": "github.com/acme/app",
    "effect": "cloud_ok",
    "is_for_one_mac": "on",
    "expires": "2099-12-31",
    "reason_en": "published source",
}
TASK = {"task": "architecture-design", "projects": [{"remotes": ["git@github.com:acme/app.git"]}]}


@pytest.fixture
def wanted(publish, ben_mini: Caller) -> PolicyRequest:
    """An exception that was asked for, from a rule that holds the repository back."""
    publish(privacy_rules=[ACME, {**ACME, "id": "other", "match": {"remotes": ["github.com/other/**"]}}])
    assert make(ben_mini, kind="exception").status_code == 200
    return PolicyRequest.objects.get()


def test_an_exception_that_was_asked_for_is_one_form_away_and_filled_in(wanted, client_of, aiko, ben_mini, chie_air):
    browser = client_of(aiko)
    address = f"/exceptions/new?request={wanted.public_id}"
    assert f'href="{address}"' in browser.get("/requests/").content.decode()

    form = browser.get(address).context["form"]
    shown = {name: form[name].value() for name in ("code", "rule", "remotes", "effect", "is_for_one_mac")}
    assert shown == {
        "code": "app",
        "rule": "nda-acme",
        "remotes": "github.com/acme/app",
        "effect": "cloud_ok",
        "is_for_one_mac": True,
    }
    assert browser.post(address, WAY_OUT).status_code == 302

    wanted.refresh_from_db()
    assert (wanted.state, wanted.answered_by) == ("answered", aiko)
    assert [caller.ask(TASK).json()["privacy"]["effect"] for caller in (ben_mini, chie_air)] == [
        "cloud_ok",
        "local_only",
    ]
    assert "acme-app" in browser.get("/exceptions/").content.decode()
    assert browser.get(address).status_code == 404


def test_an_exception_that_the_engine_does_not_take_says_so_at_its_field(wanted, client_of, aiko):
    address = f"/exceptions/new?request={wanted.public_id}"
    answer = client_of(aiko).post(address, {**WAY_OUT, "code": "A b", "remotes": "github.com/a**b", "expires": ""})
    errors = answer.context["form"].errors
    assert (answer.status_code, sorted(errors)) == (422, ["expires"])

    answer = client_of(aiko).post(address, {**WAY_OUT, "code": "A b", "remotes": "github.com/a**b"})
    assert (answer.status_code, sorted(answer.context["form"].errors)) == (422, ["code", "remotes"])
    wanted.refresh_from_db()
    assert wanted.state == "open"


def test_where_no_rule_holds_it_back_the_page_leads_to_a_rule(publish, ben_mini, client_of, aiko):
    publish()
    asked = make(ben_mini, kind="exception").json()["id"]

    answer = client_of(aiko).get(f"/exceptions/new?request={asked}")

    assert f"/rules/new?request={asked}" in answer.content.decode()
    assert answer.context["form"]["rule"].value() == ""


def test_a_form_that_was_begun_before_another_answered_is_kept(wanted, client_of, aiko):
    browser = client_of(aiko)
    address = f"/exceptions/new?request={wanted.public_id}"
    browser.post(f"/requests/{wanted.public_id}/decline")

    answer = browser.post(address, WAY_OUT)

    assert answer.status_code == 422
    assert "answered meanwhile" in answer.content.decode()
    assert answer.context["form"]["reason_en"].value() == "published source"


def test_an_exception_may_wait_as_a_draft_and_be_removed(wanted, client_of, aiko, ben, ben_mini):
    browser = client_of(aiko)
    assert browser.post("/exceptions/new", {**WAY_OUT, "draft": "1"}).status_code == 302
    assert browser.get("/exceptions/").context["exceptions"] == []
    browser.post("/exceptions/new", WAY_OUT)
    (kept,) = browser.get("/exceptions/").context["exceptions"]
    assert (kept["id"], kept["machines"], kept["owner"]) == ("acme-app", [], aiko.name)

    assert client_of(ben).post("/exceptions/acme-app/remove").status_code == 403
    assert browser.post("/exceptions/acme-app/remove").status_code == 302
    assert browser.post("/exceptions/acme-app/remove").status_code == 404
    assert ben_mini.ask(TASK).json()["privacy"]["effect"] == "local_only"


@pytest.mark.parametrize(("page", "content"), [("exceptions", WAY_OUT), ("rules", {**FORM, "code": "nda-more"})])
def test_a_draft_that_was_asked_for_answers_when_it_is_published(wanted, client_of, aiko, ben, page, content):
    browser = client_of(aiko)
    address = f"/{page}/new?request={wanted.public_id}"

    assert browser.post(address, {**content, "draft": "1"}).status_code == 302

    draft = PolicyDraft.objects.get()
    wanted.refresh_from_db()
    assert (wanted.state, draft.request) == ("open", wanted)
    assert f'href="/rules/#{draft.public_id}"' in browser.get("/requests/").content.decode()
    assert "Publishing answers the request of ben-mini." in browser.get("/rules/").content.decode()
    assert "draft waits" not in client_of(ben).get("/requests/").content.decode()

    browser.post(f"/rules/drafts/{draft.public_id}/publish")

    wanted.refresh_from_db()
    number = PolicyRevision.objects.latest("number").number
    assert (wanted.state, wanted.answered_by, wanted.revision) == ("answered", aiko, number)


def test_a_draft_whose_request_was_declined_meanwhile_publishes_and_answers_nothing(wanted, client_of, aiko):
    browser = client_of(aiko)
    browser.post(f"/exceptions/new?request={wanted.public_id}", {**WAY_OUT, "draft": "1"})
    browser.post(f"/requests/{wanted.public_id}/decline")

    browser.post(f"/rules/drafts/{PolicyDraft.objects.get().public_id}/publish")

    wanted.refresh_from_db()
    assert (wanted.state, PolicyDraft.objects.get().state) == ("declined", "published")


def test_a_discarded_draft_leaves_the_request_waiting(wanted, client_of, aiko):
    browser = client_of(aiko)
    browser.post(f"/exceptions/new?request={wanted.public_id}", {**WAY_OUT, "draft": "1"})

    browser.post(f"/rules/drafts/{PolicyDraft.objects.get().public_id}/discard")

    wanted.refresh_from_db()
    assert wanted.state == "open"
    assert "draft waits" not in browser.get("/requests/").content.decode()


def test_exceptions_of_a_confidential_rule_are_shown_to_those_who_see_the_rule(publish, client_of, aiko, ben):
    exception = {"id": "way", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/sdk"]}, "effect": "cloud_ok"}
    publish(privacy_rules=[{**ACME, "confidential": True}], exceptions=[{**exception, "expires": "2099-12-31"}])

    shown = [client_of(person).get("/exceptions/").context["exceptions"] for person in (aiko, ben)]

    assert [len(rows) for rows in shown] == [1, 0]


@pytest.mark.parametrize(
    ("language", "reason", "shown"),
    [
        ("en", {"en": "published", "ja": "公開済み"}, "published"),
        ("ja", {"en": "published", "ja": "公開済み"}, "公開済み"),
        ("ja", {"en": "published", "ja": ""}, "published"),
    ],
)
def test_an_exception_says_why_in_the_language_that_it_has(publish, client_of, aiko, language, reason, shown):
    exception = {"id": "way", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/sdk"]}, "effect": "cloud_ok"}
    publish(privacy_rules=[ACME], exceptions=[{**exception, "reason": reason, "expires": "2099-12-31"}])

    page = client_of(aiko).get("/exceptions/", headers={"accept-language": language}).content.decode()

    assert f"<small>{shown}</small>" in page


def test_a_request_full_of_markup_and_names_is_shown_as_text_and_cut(publish, ben_mini, client_of, aiko):
    publish()
    remotes = [f"https://github.com/x/<b>{number}</b>" for number in range(64)]
    make(ben_mini, reason="<script>alert(1)</script>", projects=[{"remotes": remotes}])

    page = client_of(aiko).get("/requests/").content.decode()

    assert "<script>alert" not in page
    assert "<b>1" not in page
    assert page.count("github.com/<wbr>x/") == 5
    assert "and 59 more" in page
