"""GET /api/v1/decisions, one of them, and GET /api/v1/projects: what an auditor's pages show, for programs."""

import uuid
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from portal.accounts.models import Role, User
from portal.accounts.token_models import Scope
from portal.accounts.tokens import issue_service_token
from portal.audit.services import OPERATOR
from routing.models import Decision, Receipt
from tests.routing.conftest import ACME

LOG = "/api/v1/decisions"
PROJECTS = "/api/v1/projects"
DAY = datetime(2026, 11, 3, tzinfo=UTC)
SECRET = {
    "remotes": [{"raw": "https://ben:hunter2@github.com/acme/app.git?token=t0ps", "url": "https://ben:hunter2@github.com/acme/app.git"}],
    "paths": ["/Users/ben/clients/acme"],
    "markers": ["falcon-marker"],
    "labels": ["falcon-label"],
}  # fmt: skip


def with_scope(scope: Scope) -> Client:
    token = issue_service_token(name=scope, scope=scope, by=None, actor=OPERATOR)
    return Client(headers={"Authorization": f"Bearer {token.text}"})


@pytest.fixture
def reader(db) -> Client:
    return with_scope(Scope.READ)


@pytest.fixture
def ask(publish, ben_mini, chie_air):
    """Ask as Ben's or Chie's Mac; the decision then gets the time that the test wants."""
    exception = {
        "id": "acme-sdk", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/sdk"]}, "effect": "cloud_ok",
        "reason": {"en": "published", "ja": "公開済み"}, "expires": "2030-12-31",
    }  # fmt: skip
    publish(privacy_rules=[ACME], exceptions=[exception], unclassified={"identified": "cloud_ok"})

    def ask_at(at=None, *, by=ben_mini, task="commit-message", remote="git@github.com:acme/app.git"):
        answer = by.ask({"task": task, "projects": [{"remotes": [remote]}]}).json()
        if at:
            Decision.objects.filter(pk=answer["id"]).update(at=at)
        return answer["id"]

    return ask_at


def ids(response: Any) -> list[str]:
    return [one["id"] for one in response.json()["results"]]


def read_all(client: Client, address: str | None) -> list[dict[str, Any]]:
    found = []
    while address:
        page = client.get(address).json()
        found += page["results"]
        address = page["next"]
    return found


def test_a_row_says_what_was_decided_for_whom_and_what_came_of_it(reader, ask, ben, ben_mini):
    decision = Decision.objects.get(pk=ask())
    Receipt.objects.create(decision=decision, kind="start", at=decision.at, launched={"backend": "local"})

    (row,) = reader.get(LOG).json()["results"]

    assert row == {
        "id": str(decision.pk),
        "at": decision.at.isoformat().replace("+00:00", "Z"),
        "task": "commit-message",
        "backend": "local",
        "effect": "local_only",
        "classification": "nda",
        "rules": ["nda-acme"],
        "remotes": ["github.com/acme/app"],
        "machine": {
            "id": ben_mini.machine.public_id,
            "name": "ben-mini",
            "owner": {"id": ben.public_id, "name": "Ben"},
        },
        "asked_by": None,
        "model": "tiny",
        "decided_by": "portal",
        "revision": 1,
        "recheck": "",
        "launched": "same",
    }


def test_one_decision_has_its_whole_answer_in_the_readers_language_and_its_receipts(reader, ask, ben_mini):
    answer = ben_mini.ask({"task": "commit-message", "client": "claude"}).json()
    Receipt.objects.create(
        decision_id=answer["id"], kind="end", at=DAY, launched={"backend": "cloud"}, exit_code=1, is_mismatch=True,
        preflight=[{"check": "server", "ok": True, "code": None}],
    )  # fmt: skip

    english = reader.get(f"{LOG}/{answer['id']}", headers={"Accept-Language": "en"}).json()
    japanese = reader.get(f"{LOG}/{answer['id']}", headers={"Accept-Language": "ja"}).json()

    assert english["answer"] == answer
    assert english["client"] == "claude"
    assert (english["launched"], english["receipts"][0]["differs"], english["receipts"][0]["exit"]) == (
        "differs",
        True,
        1,
    )
    assert [one["code"] for one in japanese["answer"]["reasons"]] == [one["code"] for one in answer["reasons"]]
    assert japanese["answer"]["reasons"][0]["text"] != answer["reasons"][0]["text"]


def test_neither_credentials_nor_folders_nor_other_signals_are_told(reader, ask, ben_mini):
    answer = ben_mini.ask({"task": "commit-message", "projects": [SECRET], "session": "s-secret"}).json()

    told = b"".join(reader.get(path).content for path in (LOG, f"{LOG}/{answer['id']}", PROJECTS))

    assert b"github.com/acme/app" in told
    for hidden in (b"hunter2", b"t0ps", b"ben:", b"/Users/ben", b"falcon-marker", b"falcon-label", b"s-secret"):
        assert hidden not in told


def test_filters_hold_together(reader, ask, ben_mini, chie_air):
    wanted = ask(remote="https://github.com/Acme/site")
    ask(remote="https://github.com/acme/site", by=chie_air)
    ask(remote="https://github.com/acme/site", task="architecture-design")
    ask(remote="https://github.com/other/app")

    query = f"remote=acme/site&machine={ben_mini.machine.public_id}&task=commit-message&backend=local&rule=nda-acme"

    assert ids(reader.get(f"{LOG}?{query}&classification=nda")) == [wanted]
    assert ids(reader.get(f"{LOG}?{query}&classification=open")) == []


def test_a_rule_or_an_exception_finds_what_it_applied_to_and_no_other_of_a_like_name(reader, ask):
    by_rule, by_exception = ask(), ask(remote="https://github.com/acme/sdk")
    ask(remote="https://github.com/other/app")

    assert ids(reader.get(f"{LOG}?rule=acme-sdk")) == [by_exception]
    assert by_rule in ids(reader.get(f"{LOG}?rule=nda-acme"))
    for other in ("acme", "nda-acm", "nda_acme", "%25", "%22", "[]", "nda-acme%22"):
        assert ids(reader.get(f"{LOG}?rule={other}")) == []


def test_the_rules_of_older_decisions_are_read_from_their_answers(reader, ask):
    by_rule, by_exception = ask(), ask(remote="https://github.com/acme/sdk")
    plain = ask(remote="https://github.com/other/app")
    kept = dict(Decision.objects.values_list("pk", "rules"))
    Decision.objects.update(rules="")

    migration = import_module("routing.migrations.0012_fill_decision_rules")
    migration.fill(apps, connection.schema_editor())

    assert dict(Decision.objects.values_list("pk", "rules")) == kept
    assert (kept[uuid.UUID(by_rule)], kept[uuid.UUID(plain)]) == ("\nnda-acme\n", "")
    assert "\nacme-sdk\n" in kept[uuid.UUID(by_exception)]


def test_since_is_part_of_the_time_and_until_is_not(reader, ask):
    first, last = ask(DAY), ask(DAY + timedelta(hours=1) - timedelta(microseconds=1))
    ask(DAY - timedelta(microseconds=1))
    ask(DAY + timedelta(hours=1))

    assert ids(reader.get(f"{LOG}?since=2026-11-03T00:00:00Z&until=2026-11-03T10:00:00%2B09:00")) == [last, first]


def test_pages_hold_each_decision_once_also_of_one_moment_and_while_others_come_in(reader, ask):
    expected = sorted((ask(DAY) for _number in range(5)), reverse=True)

    found, address = [], f"{LOG}?limit=2&task=commit-message"
    while address:
        page = reader.get(address).json()
        found += [one["id"] for one in page["results"]]
        address = page["next"]
        ask(DAY + timedelta(hours=1))

    assert found == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("backend=x", "backend"),
        ("classification=secret", "classification"),
        ("task=%00", "task"),
        ("task=", "task"),
        ("machine=" + "m" * 25, "machine"),
        ("remote=" + "x" * 201, "remote"),
        ("remote=a&remote=b", "remote"),
        ("rule=%00", "rule"),
        ("since=0001-01-01T00:00:00%2B14:00", "since"),
        ("until=9999-12-31T23:59:59-14:00", "until"),
        ("since=2026-11-31", "since"),
        ("limit=1000000", "limit"),
        ("cursor=x", "cursor"),
        ("first_day=2026-11-03", "first_day"),
        ("asked_by__email=ben", "asked_by__email"),
    ],
)
def test_filters_outside_their_shape_are_named(reader, publish, query, field):
    publish()
    response = reader.get(f"{LOG}?{query}")

    assert (response.status_code, response.json()["field"]) == (400, field)
    assert response["Content-Type"] == "application/problem+json"


def test_a_wrong_choice_is_told_the_right_ones(reader, publish):
    publish()
    answer = reader.get(f"{LOG}?backend=clod").json()

    assert (answer["field"], answer["detail"]) == ("backend", "Found 'clod'; allowed: local, cloud, none.")


def test_a_cursor_of_a_list_of_decisions_opens_no_other_list(reader, ask):
    for _number in range(2):
        ask()
    cursor = reader.get(f"{LOG}?limit=1").json()["next"].partition("cursor=")[2]

    assert len(ids(reader.get(f"{LOG}?cursor={cursor}"))) == 1
    for other in (PROJECTS, "/api/v1/policy/revisions", "/api/v1/machines"):
        assert reader.get(f"{other}?cursor={cursor}").json()["code"] == "cursor.invalid"


def test_a_token_that_may_read_sees_what_an_auditor_sees(reader, ask, chie_air, client_of):
    auditor = User.objects.create_user(email="dai@example.org", name="Dai", password=None, role=Role.AUDITOR)
    ask(), ask(by=chie_air)

    page = client_of(auditor).get("/decisions/").context["log"].rows
    projects = client_of(auditor).get("/projects/").context["seen"]

    assert ids(reader.get(LOG)) == [str(one.pk) for one in page]
    assert [one["remote"] for one in reader.get(PROJECTS).json()["results"]] == [
        one.seen.remote for one in projects.classified
    ]


@pytest.mark.parametrize("path", [LOG, f"{LOG}/{{id}}", PROJECTS])
def test_outsiders_read_neither_the_log_nor_the_projects(ask, ben_mini, chie_air, service, path):
    address = path.format(id=ask())

    for outsider in (ben_mini, chie_air, service):
        for method in (outsider.client.get, outsider.client.head):
            refused = method(address)
            assert refused.status_code == 403
            assert b"acme" not in refused.content


@pytest.mark.parametrize("path", [LOG, f"{LOG}/{{id}}", PROJECTS])
def test_a_session_reads_nothing_here(ask, client_of, aiko, path):
    address = path.format(id=ask())

    for visitor in (Client(), client_of(aiko)):
        assert visitor.get(address).json()["code"] == "token.missing"


def test_reading_the_log_gives_no_right_to_decide_and_the_other_way_round(reader, ask, service):
    ask()
    asked = reader.post(LOG, {"task": "commit-message"}, content_type="application/json")

    assert (asked.status_code, asked.json()["detail"]) == (403, "This needs a token with the scope decide.")
    assert service.client.get(LOG).json()["detail"] == "This needs a token with the scope read."
    assert service.ask({"task": "commit-message"}).status_code == 200
    assert with_scope(Scope.ADMIN).get(LOG).status_code == 200
    assert with_scope(Scope.POLICY).get(LOG).status_code == 200


@pytest.mark.parametrize("accept", ["text/plain", "application/x-sh"])
def test_the_log_has_no_form_for_shells(reader, ask, accept):
    ask()
    response = reader.get(LOG, headers={"Accept": accept})

    assert response.status_code == 406
    assert b"acme" not in response.content


@pytest.mark.parametrize("name", [uuid.UUID(int=0), "x", "%00", "019A0000-0000-7000-8000-000000000000"])
def test_a_decision_that_never_was_is_404(reader, publish, name):
    publish()
    response = reader.get(f"{LOG}/{name}")

    assert (response.status_code, response.json()["code"]) == (404, "resource.not_found")
    assert "Decision" not in response.json()["detail"]


def test_projects_come_by_name_with_class_rule_and_counts(reader, ask, ben_mini):
    ask(), ask(DAY), ask(remote="https://github.com/acme/sdk"), ask(remote="https://github.com/other/app")
    ben_mini.ask({"task": "commit-message"})

    found = read_all(reader, f"{PROJECTS}?limit=2")

    assert [(one["remote"], one["classification"], one["rules"], one["decisions"]) for one in found] == [
        ("", "unclassified", [], 1),
        ("github.com/acme/app", "nda", ["nda-acme"], 2),
        ("github.com/acme/sdk", "open", ["acme-sdk"], 1),
        ("github.com/other/app", "unclassified", [], 1),
    ]
    assert found[1]["by_backend"] == {"local": 2, "cloud": 0, "none": 0}
    assert found[1]["effect"] == "local_only"
    only = read_all(reader, f"{PROJECTS}?classification=nda")
    assert [one["remote"] for one in only] == ["github.com/acme/app"]


def test_lists_cost_the_same_however_much_was_decided(reader, ask, chie_air, django_assert_num_queries):
    last = ask()
    for number in range(9):
        ask(by=chie_air, remote=f"https://github.com/new/{number}")
    reader.get(LOG)

    with django_assert_num_queries(3):  # the token, the rows with their Macs and people, the receipts
        assert len(ids(reader.get(LOG))) == 10
    with django_assert_num_queries(3):
        reader.get(f"{LOG}/{last}")
    with django_assert_num_queries(4):  # the token, the head, where counting begins, what was seen
        assert len(reader.get(PROJECTS).json()["results"]) == 10
