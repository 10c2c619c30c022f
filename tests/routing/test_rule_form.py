"""The form of a rule: what it shows before anything is saved, and that nothing typed is lost."""

import re
from typing import Any

import pytest
from django.utils import translation

from portal.common.engine_words import problem_in_words
from portal.common.policy_head import get_head
from routing.bundles import get_current_bundle
from routing.engine.errors import PolicyErrors
from routing.near_names import find_near
from routing.publishing import read_policy
from tests.routing.conftest import ACME
from tests.routing.test_pages import FORM

HTMX = {"HX-Request": "true"}


@pytest.fixture
def seen(publish, ben_mini, chie_air) -> None:
    """Work for a client went to the cloud before anybody wrote a rule; a second repository only looks like theirs."""
    publish(unclassified={"identified": "cloud_ok"})
    for remote in ("git@github.com:acme/app.git", "git@github.com:acme/sdk.git", "https://github.com/new/acme-docs"):
        ben_mini.ask({"task": "architecture-design", "projects": [{"remotes": [remote]}]})
    chie_air.ask({"task": "architecture-design", "projects": [{"remotes": ["https://github.com/new/other"]}]})


def preview(client: Any, **changes: object) -> Any:
    return client.post("/rules/new", {**FORM, "preview": "1", **changes}).context["preview"]


def remotes(projects: Any) -> list[str]:
    return [project.seen.remote for project in projects]


def test_the_preview_tells_what_matches_what_went_to_the_cloud_and_what_looks_alike(seen, client_of, aiko):
    found = preview(client_of(aiko), remotes="github.com/acme/**")

    assert remotes(found.matching) == ["github.com/acme/app", "github.com/acme/sdk"]
    assert remotes(found.near) == ["github.com/new/acme-docs"]
    assert (found.to_cloud, found.seen, found.more) == (2, 4, 0)
    assert get_head().revision == 1


def test_a_rule_that_opens_is_previewed_as_strictly_as_it_holds(seen, client_of, aiko):
    """A restricting pattern hits in other spellings too; one that opens does not."""
    assert remotes(preview(client_of(aiko), remotes="github.com/ACME/app").matching) == ["github.com/acme/app"]
    opening = preview(client_of(aiko), remotes="github.com/acme/app/", effect="cloud_ok")
    assert remotes(opening.matching) in ([], ["github.com/acme/app"])
    assert remotes(preview(client_of(aiko), remotes="github.com/new/*", effect="cloud_ok").matching) == [
        "github.com/new/acme-docs",
        "github.com/new/other",
    ]


def test_the_preview_comes_while_the_rest_of_the_form_is_still_empty(seen, client_of, aiko):
    form = {"preview": "1", "remotes": "github.com/acme/**"}

    response = client_of(aiko).post("/rules/new", form, headers=HTMX)

    page = response.content.decode()
    assert response.status_code == 200
    assert "2 of 4 repositories seen match" in page
    assert "<html" not in page


@pytest.mark.parametrize(
    ("patterns", "sentence"),
    [("", "Type a pattern"), ("**", "cannot be read yet"), ("git.nobody.example/**", "None of the 4 repositories")],
)
def test_an_empty_preview_says_what_to_do(seen, client_of, aiko, patterns, sentence):
    page = client_of(aiko).post("/rules/new", {**FORM, "preview": "1", "remotes": patterns}).content.decode()

    assert sentence in page


def test_folders_and_markers_are_said_not_to_be_previewed(seen, client_of, aiko):
    assert preview(client_of(aiko), markers="acme").has_unseen
    assert not preview(client_of(aiko)).has_unseen


def test_a_near_name_shares_a_telling_word_or_is_nearly_spelt_so():
    names = ["github.com/new/acme-docs", "git.falcon.example/pay", "github.com/acne-studio/site", "github.com/x/app"]

    assert find_near(names, like=["github.com/acme/**"], limit=9) == ["github.com/new/acme-docs"]
    assert find_near(names, like=["git.falcno.example/**"], limit=9) == ["git.falcon.example/pay"]
    assert find_near(names, like=["github.com/**"], limit=9) == []
    assert find_near(names * 9, like=["github.com/acme/**"], limit=2) == ["github.com/new/acme-docs"] * 2


def test_a_rule_can_be_confidential_and_forbid_exceptions(client_of, aiko, ben, publish):
    publish()

    client_of(aiko).post("/rules/new", {**FORM, "confidential": "on", "exceptions": "forbidden", "labels": "acme"})

    (rule,) = get_current_bundle().bundle.policy.privacy_rules
    assert (rule.is_confidential, rule.may_have_exceptions, rule.match.labels) == (True, False, ("acme",))
    assert "nda-acme" not in client_of(ben).get("/rules/").content.decode()
    page = client_of(aiko).get("/rules/nda-acme/").content.decode()
    assert re.search('<input type="checkbox" name="confidential"[^>]* checked', page)


def test_what_was_typed_stays_when_the_engine_refuses_it(client_of, aiko, publish):
    publish()

    response = client_of(aiko).post("/rules/new", {**FORM, "remotes": "github.com/a**b", "reason_en": "Signed in May"})

    page = response.content.decode()
    assert response.status_code == 422
    for typed in ("nda-acme", "Falcon", "github.com/a**b", "Signed in May", "2027-03-31"):
        assert typed in page


@pytest.mark.parametrize(
    "change",
    [
        {"id": "NDA!"},
        {"id": ""},
        {"id": "x" * 65},
        {"id": "taken"},
        {"match": {}},
        {"match": {"remotes": ["github.com/a**b"]}},
        {"match": {"remotes": ["acme"]}},
        {"match": {"remotes": ["github.com/" + "a" * 2050]}},
        {"match": {"paths": ["work"]}},
        {"match": {"root_commits": ["abc"]}},
        {"match": {"remotes": ["github.com/acme/app.wiki"]}, "effect": "cloud_ok"},
        {"match": {"markers": ["acme"]}, "effect": "cloud_ok"},
    ],
)
def test_what_a_form_can_get_wrong_is_told_in_japanese(change):
    rules = [{**ACME, "id": "taken"}, {**ACME, **change}]
    if change.get("effect") == "cloud_ok":
        del rules[1]["review_by"]

    with pytest.raises(PolicyErrors) as refused, translation.override("ja"):
        read_policy({"version": 1, "privacy_rules": rules})

    with translation.override("ja"):
        words = [problem_in_words(problem)["allowed"] for problem in refused.value.problems]
    assert words
    assert not any(word.isascii() for word in words), words


def test_nobody_overwrites_what_another_admin_changed_meanwhile(client_of, aiko, publish):
    publish(privacy_rules=[ACME])
    client = client_of(aiko)
    mine = {**FORM, "seen": client.get("/rules/nda-acme/").context["form"]["seen"].value()}
    publish(privacy_rules=[{**ACME, "effect": "block"}])

    first = client.post("/rules/nda-acme/", mine)
    held = get_head().revision
    again = client.post("/rules/nda-acme/", {**mine, "seen": first.context["form"]["seen"].value()})

    assert (first.status_code, held) == (422, 2)
    assert "Somebody changed this rule" in first.content.decode()
    assert "git.acme.example/**" in first.content.decode()
    assert (again.status_code, get_head().revision) == (302, 3)


def test_a_rule_begun_for_a_request_is_not_lost_when_another_answers_it(client_of, aiko, publish, ben_mini):
    publish()
    document = {"kind": "classify", "projects": [{"remotes": ["https://github.com/acme/app"]}]}
    asked = ben_mini.client.post("/api/v1/requests", document, content_type="application/json").json()
    client = client_of(aiko)
    client.post(f"/requests/{asked['id']}/decline")

    response = client.post(f"/rules/new?request={asked['id']}", FORM)
    page = response.content.decode()

    assert (response.status_code, get_head().revision) == (422, 1)
    assert "answered meanwhile" in page
    assert "git.acme.example/**" in page
    assert '<form class="stack" method="post" novalidate action="/rules/new">' in " ".join(page.split())


def test_a_seen_repository_fills_the_form_in(client_of, aiko, publish):
    publish()

    form = client_of(aiko).get("/rules/new?remote=github.com/acme/My.App&effect=org_only").context["form"]

    assert (form["code"].value(), form["remotes"].value(), form["effect"].value()) == (
        "my-app",
        "github.com/acme/My.App",
        "org_only",
    )


def test_many_rules_come_in_pages_and_can_be_found(client_of, aiko, ben, publish):
    hosts = [f"git.c{number}.example/**" for number in range(120)]
    publish(
        privacy_rules=[{**ACME, "id": f"nda-{place}", "match": {"remotes": [one]}} for place, one in enumerate(hosts)]
    )
    client = client_of(aiko)

    first, second = (client.get(f"/rules/?page={number}").context["page"] for number in (1, 2))
    found = client.get("/rules/?q=c117.e").context["page"]

    assert (len(first), len(second)) == (100, 20)
    assert [rule["id"] for rule in found] == ["nda-117"]
    assert "No rule in force has" in client.get("/rules/?q=<b>nothing").content.decode()


def test_a_developer_finds_no_confidential_rule(client_of, ben, publish):
    publish(privacy_rules=[{**ACME, "confidential": True}])

    assert "Falcon" not in client_of(ben).get("/rules/?q=acme").content.decode()


def test_drafts_come_in_pages(client_of, aiko, publish):
    publish(privacy_rules=[ACME])
    client = client_of(aiko)
    for number in range(12):
        client.post("/rules/new", {**FORM, "code": f"nda-{number}", "draft": "1"})

    first, second = (client.get(f"/rules/?drafts={number}").context["drafts"]["rows"] for number in (1, 2))

    assert (len(first), len(second)) == (10, 2)
    assert "12 drafts wait" in client.get("/rules/").content.decode()


def test_a_rule_past_its_review_is_marked(client_of, ben, publish):
    publish(privacy_rules=[{**ACME, "review_by": "2020-01-01"}])

    assert "Overdue" in client_of(ben).get("/rules/").content.decode()
