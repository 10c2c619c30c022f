"""The task matrix and the projects seen: what they show, and to whom."""

from typing import Any

import pytest

from portal.accounts.models import Role, User
from routing.shipped import shipped_policy
from tests.routing.conftest import ACME

OPEN = {
    "id": "open-oss",
    "effect": "cloud_ok",
    "match": {"remotes": ["github.com/hoshizora-oss/**"]},
    "reason": {"en": "published", "ja": "公開済み"},
}


@pytest.fixture
def auditor(db) -> User:
    return User.objects.create_user(email="dai@example.org", name="Dai", password=None, role=Role.AUDITOR)


@pytest.fixture
def seen(publish, ben_mini, chie_air):
    """Ben works on a client's code and on something nobody has classified, Chie on open source."""
    publish(privacy_rules=[ACME, OPEN], unclassified={"identified": "local_only"})
    for remotes in (["git@github.com:acme/app.git"], ["https://github.com/acme/app"], ["https://github.com/new/thing"]):
        ben_mini.ask({"task": "commit-message", "projects": [{"remotes": remotes}]})
    chie_air.ask({"task": "architecture-design", "projects": [{"remotes": ["git@github.com:hoshizora-oss/ruby.git"]}]})
    chie_air.ask({"task": "commit-message"})


def listed(response: Any) -> list[tuple[Any, ...]]:
    waiting = [one.project for one in response.context["waiting"]]
    return [
        (one.seen.remote, str(one.classification), one.rules, one.seen.decisions)
        for one in (*waiting, *response.context["page"])
    ]


def test_the_matrix_shows_every_task_once_with_its_reason_in_the_readers_language(client_of, ben, publish):
    publish()
    client = client_of(ben)

    english = client.get("/matrix/", headers={"Accept-Language": "en"}).content.decode()
    japanese = client.get("/matrix/", headers={"Accept-Language": "ja"}).content.decode()

    tasks = shipped_policy()["tasks"]
    assert len(tasks) == 13
    for task in tasks:
        assert english.count(f'id="{task["id"]}"') == 1
        assert task["reason"]["en"].replace("'", "&#x27;") in english
        assert task["reason"]["ja"] in japanese
        assert task["label"]["ja"] in japanese


def test_the_matrix_groups_by_preference_and_names_the_floor(client_of, ben, publish):
    publish(tasks=[{"id": "simple-docs", "retired": True}])

    groups = client_of(ben).get("/matrix/").context["groups"]

    names = [[row.task.id for row in group.rows] for group in groups]
    assert (len(names[0]), names[1], len(names[2])) == (6, ["commit-message"], 5)
    floors = {row.task.id: str(row.floor) for group in groups for row in group.rows if row.floor}
    assert floors == {"confidential-code": "Local only"}


def test_projects_come_unclassified_first_with_the_rule_that_classifies_them(client_of, seen, aiko, auditor):
    expected = [
        ("", "unclassified", (), 1),
        ("github.com/new/thing", "unclassified", (), 1),
        ("github.com/acme/app", "nda", ("nda-acme",), 2),
        ("github.com/hoshizora-oss/ruby", "open", ("open-oss",), 1),
    ]

    assert listed(client_of(aiko).get("/projects/")) == expected
    assert listed(client_of(auditor).get("/projects/")) == expected


def test_a_developer_sees_the_projects_of_their_own_macs_alone(client_of, seen, ben, chie):
    theirs = client_of(chie).get("/projects/")

    assert [row[0] for row in listed(theirs)] == ["", "github.com/hoshizora-oss/ruby"]
    assert "acme" not in theirs.content.decode()
    assert [row[0] for row in listed(client_of(ben).get("/projects/"))] == [
        "github.com/new/thing",
        "github.com/acme/app",
    ]


def test_a_new_rule_reclassifies_what_was_seen_before(client_of, seen, aiko, publish):
    publish(privacy_rules=[ACME, {**ACME, "id": "nda-new", "match": {"remotes": ["github.com/new/**"]}}])

    rows = listed(client_of(aiko).get("/projects/"))

    assert ("github.com/new/thing", "nda", ("nda-new",), 1) in rows


def test_both_pages_cost_the_same_however_much_was_seen(client_of, seen, ben_mini, aiko, django_assert_num_queries):
    client = client_of(aiko)
    for number in range(9):
        ben_mini.ask({"task": "commit-message", "projects": [{"remotes": [f"https://github.com/new/{number}"]}]})

    # Session, user, head, what was seen and since when; the head again for the side column.
    with django_assert_num_queries(6):
        client.get("/projects/")
    with django_assert_num_queries(4):
        client.get("/matrix/")


def test_a_project_without_a_class_is_given_a_suggestion_with_its_reason(client_of, publish, ben_mini, aiko, ben):
    own = {**ACME, "id": "nda-falcon", "match": {"remotes": ["git.falcon.example/app/**"]}}
    publish(privacy_rules=[ACME, own, OPEN], unclassified={"identified": "local_only"})
    classified = ("github.com/acme/app", "git.falcon.example/app/radar", "github.com/hoshizora-oss/ruby")
    others = ("git.falcon.example/ml/labels", "github.com/hoshizora/radar-ios", "github.com/nobody/it", "git.acme.co/x")
    for remote in (*classified, *others):
        ben_mini.ask({"task": "commit-message", "projects": [{"remotes": [f"https://{remote}"]}]})

    page = client_of(aiko).get("/projects/")

    found = {one.project.seen.remote: one.suggestion for one in page.context["waiting"]}
    assert {remote: (str(one.effect), one.reason) if one else None for remote, one in found.items()} == {
        "git.falcon.example/ml/labels": ("local_only", "Same host as git.falcon.example/app/radar"),
        "github.com/hoshizora/radar-ios": ("local_only", "Name like that of git.falcon.example/app/radar"),
        "github.com/nobody/it": None,
        "git.acme.co/x": None,
    }
    assert "/rules/new?remote=git.falcon.example%2Fml%2Flabels&amp;effect=local_only" in page.content.decode()
    assert "/rules/new" not in client_of(ben).get("/projects/").content.decode()


def test_of_several_like_it_the_strictest_is_suggested(client_of, publish, ben_mini, aiko):
    inner = {**ACME, "id": "ours", "effect": "org_only", "match": {"remotes": ["github.com/acme/ours"]}}
    nda = {**ACME, "match": {"remotes": ["github.com/acme/app"]}}
    publish(privacy_rules=[inner, nda], unclassified={"identified": "local_only"})
    for name in ("ours", "app", "new"):
        ben_mini.ask({"task": "commit-message", "projects": [{"remotes": [f"https://github.com/acme/{name}"]}]})

    (waiting,) = client_of(aiko).get("/projects/").context["waiting"]

    assert waiting.suggestion.reason == "Same owner as github.com/acme/app"


def test_projects_can_be_found_by_their_remote(client_of, seen, aiko):
    assert [row[0] for row in listed(client_of(aiko).get("/projects/?q=ACME/"))] == ["github.com/acme/app"]
    assert "No project seen has" in client_of(aiko).get("/projects/?q=<i>").content.decode()
