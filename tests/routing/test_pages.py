"""Pages of rules and decisions: who sees what, and what one click publishes."""

import pytest

from portal.accounts.models import Role, User
from portal.audit.models import AuditEntry
from portal.common.policy_head import get_head
from routing.bundles import get_current_bundle
from routing.models import PolicyRevision
from tests.routing.conftest import ACME

FORM = {
    "code": "nda-acme",
    "name_en": "Falcon",
    "effect": "local_only",
    "remotes": "github.com/acme/**\ngit.acme.example/**",
    "reason_en": "NDA with Acme",
    "review_by": "2027-03-31",
}
REQUEST = {"task": "architecture-design", "projects": [{"remotes": ["git@github.com:acme/app.git"]}]}


@pytest.fixture
def asked(publish, ben_mini):
    publish(privacy_rules=[ACME])
    return ben_mini.ask(REQUEST).json()


@pytest.fixture
def auditor(db) -> User:
    return User.objects.create_user(email="dai@example.org", name="Dai", password=None, role=Role.AUDITOR)


def test_one_click_publishes_a_rule_that_the_next_decision_obeys(client_of, aiko, ben_mini, publish):
    publish(unclassified={"identified": "cloud_ok"})

    response = client_of(aiko).post("/rules/new", FORM, follow=True)

    rule = get_current_bundle().bundle.policy.privacy_rules[0]
    assert "Policy r2 is published and in force." in response.content.decode()
    assert (rule.id, rule.match.remotes, rule.owner) == (
        "nda-acme",
        ("github.com/acme/**", "git.acme.example/**"),
        "Aiko",
    )
    assert AuditEntry.objects.get(subject_id="r2").by == aiko
    assert ben_mini.ask(REQUEST).json()["backend"] == "local"


def test_what_the_engine_refuses_is_told_at_its_field(client_of, aiko, publish):
    publish(privacy_rules=[ACME])

    response = client_of(aiko).post("/rules/new", {**FORM, "code": "NDA!", "remotes": "github.com/a**b"})

    form = response.context["form"]
    assert response.status_code == 422
    assert "hyphens" in form.errors["code"][0]
    assert "remotes" in form.errors
    assert get_head().revision == 1


def test_a_code_in_use_and_an_empty_rule_are_refused(client_of, aiko, publish):
    publish(privacy_rules=[ACME])

    again = client_of(aiko).post("/rules/new", FORM)
    empty = client_of(aiko).post("/rules/new", {**FORM, "code": "nda-x", "remotes": ""})

    assert (again.status_code, empty.status_code) == (422, 422)
    assert "remotes" in empty.context["form"].errors
    assert get_head().revision == 1


def test_editing_keeps_what_the_form_does_not_show(client_of, aiko, publish):
    publish(privacy_rules=[{**ACME, "models": {"deny": ["gpt-*"]}, "exceptions": "forbidden", "owner": "Ren"}])

    client_of(aiko).post("/rules/nda-acme/", {**FORM, "code": "renamed", "effect": "block"})

    (rule,) = get_current_bundle().bundle.policy.privacy_rules
    assert (rule.id, str(rule.effect), rule.models.deny, rule.may_have_exceptions, rule.owner) == (
        "nda-acme",
        "block",
        ("gpt-*",),
        False,
        "Ren",
    )


def test_removing_a_rule_is_a_revision_of_its_own(client_of, aiko, publish):
    publish(privacy_rules=[ACME])

    page = client_of(aiko).post("/rules/nda-acme/remove", follow=True).content.decode()

    assert get_head().revision == 2
    assert "Rule removed:" in page
    assert get_current_bundle().bundle.policy.privacy_rules == ()


def test_a_preview_shows_what_was_seen_and_publishes_nothing(client_of, aiko, asked):
    client = client_of(aiko)
    form = {**FORM, "code": "nda-new", "preview": "1"}

    whole = client.post("/rules/new", form)
    part = client.post("/rules/new", form, headers={"HX-Request": "true"}).content.decode()

    assert [project.seen.remote for project in whole.context["preview"].matching] == ["github.com/acme/app"]
    assert "github.com/acme/app" in part
    assert "<html" not in part
    assert get_head().revision == 1


@pytest.mark.parametrize("path", ["/rules/new", "/rules/nda-acme/"])
def test_developers_and_auditors_change_no_rule(client_of, publish, ben, auditor, path):
    publish(privacy_rules=[ACME])

    for person in (ben, auditor):
        assert client_of(person).get(path).status_code == 403
        assert client_of(person).post(path, FORM).status_code == 403
        assert client_of(person).post("/rules/nda-acme/remove").status_code == 403
    assert PolicyRevision.objects.count() == 1


def test_developers_see_neither_confidential_rules_nor_the_history(client_of, publish, chie, auditor):
    publish(privacy_rules=[ACME, {**ACME, "id": "nda-secret", "confidential": True}])

    hers = client_of(chie).get("/rules/").content.decode()
    theirs = client_of(auditor).get("/rules/").content.decode()

    assert "nda-acme" in hers
    assert "nda-secret" not in hers
    assert "nda-secret" in theirs


def test_people_see_their_own_decisions_and_admins_all(client_of, asked, ben, chie, aiko, auditor):
    path = f"/decisions/{asked['id']}/"

    statuses = {person.name: client_of(person).get(path).status_code for person in (ben, chie, aiko, auditor)}
    rows = {person.name: len(client_of(person).get("/decisions/").context["log"].rows) for person in (ben, chie, aiko)}

    assert statuses == {"Ben": 200, "Chie": 404, "Aiko": 200, "Dai": 200}
    assert rows == {"Ben": 1, "Chie": 0, "Aiko": 1}


def test_the_decision_page_tells_its_reasons_in_the_readers_language(client_of, asked, ben):
    client = client_of(ben)
    english = client.get(f"/decisions/{asked['id']}/", headers={"Accept-Language": "en"}).content.decode()
    japanese = client.get(f"/decisions/{asked['id']}/", headers={"Accept-Language": "ja"}).content.decode()

    assert "The rule nda-acme applies" in english
    assert "ルール nda-acme が適用されます" in japanese
    for page in (english, japanese):
        assert "rule_matched" in page
        assert "ANTHROPIC_BASE_URL" in page


def test_a_receipt_that_differs_is_shown(client_of, asked, ben, ben_mini):
    receipt = {
        "decision": {"id": asked["id"], "request": REQUEST, "answer": asked},
        "kind": "start",
        "at": "2026-11-25T00:00:00Z",
        "launched": {"backend": "cloud", "client": "claude"},
    }
    ben_mini.client.post("/api/v1/receipts", {"receipts": [receipt]}, content_type="application/json")

    page = client_of(ben).get(f"/decisions/{asked['id']}/").content.decode()

    assert "Differs" in page


def test_list_pages_cost_the_same_for_one_row_and_for_ten(client_of, asked, ben_mini, aiko, django_assert_num_queries):
    client = client_of(aiko)
    for _ in range(9):
        ben_mini.ask(REQUEST)

    # Session, user, head, Macs to filter by, decisions and their receipts, the chart; the head for the tasks.
    with django_assert_num_queries(8):
        client.get("/decisions/")
    # Without the chart, and receipts are counted where the rows are read.
    with django_assert_num_queries(6):
        b"".join(client.get("/decisions/export.csv").streaming_content)
    with django_assert_num_queries(8):
        client.get("/rules/")
