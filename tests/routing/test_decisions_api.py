"""POST /api/v1/decisions and GET /api/v1/decide: the answer, its forms, and what is logged."""

import json
import uuid

import pytest
from django.test import Client

from portal.accounts.token_models import Scope
from portal.accounts.tokens import issue_service_token
from routing.engine.wire import canonical_answer
from routing.models import Decision
from tests.routing.conftest import ACME

ACME_REMOTE = "git@github.com:acme/app.git"
PROJECT = {"remotes": [ACME_REMOTE]}
CONTRACT_FIELDS = {
    "schema", "id", "decided_by", "valid_until", "task", "backend", "refusal", "privacy", "model", "runtime", "machine",
    "context", "reasons", "near_misses", "warnings", "alternatives", "obligations", "expected", "launch", "policy",
    "facts", "engine",
}  # fmt: skip


def test_the_next_decision_obeys_a_rule_that_was_just_published(publish, ben_mini):
    publish(unclassified={"identified": "cloud_ok"})
    before = ben_mini.ask({"task": "architecture-design", "projects": [PROJECT]}).json()

    publish(unclassified={"identified": "cloud_ok"}, privacy_rules=[ACME])
    after = ben_mini.ask({"task": "architecture-design", "projects": [PROJECT]}).json()

    assert (before["backend"], before["policy"]["revision"]) == ("cloud", 1)
    assert (after["backend"], after["policy"]["revision"]) == ("local", 2)
    assert after["privacy"]["rules"] == ["nda-acme"]


def test_the_answer_has_every_field_of_the_contract(ben_mini):
    answer = ben_mini.ask({"task": "commit-message"}).json()

    assert set(answer) == CONTRACT_FIELDS
    assert uuid.UUID(answer["id"]).version == 7
    assert (answer["decided_by"], answer["machine"]) == ("portal", ben_mini.machine.public_id)
    assert answer["facts"] == {"age_s": 0, "source": "portal"}


def test_both_ways_to_ask_give_the_same_canonical_answer(publish, ben_mini):
    publish(privacy_rules=[ACME])
    document = {
        "task": "commit-message", "projects": [{**PROJECT, "markers": ["x"]}], "context_tokens": 900,
        "needs": ["tools"], "deadline_s": 60, "client": "claude", "session": "s-1", "parallel_agents": 1,
    }  # fmt: skip
    query = {
        "task": "commit-message", "remote": ACME_REMOTE, "marker": "x", "context_tokens": "900", "need": "tools",
        "deadline_s": "60", "client": "claude", "session": "s-1", "offline": "false", "parallel_agents": "1",
    }  # fmt: skip

    posted = ben_mini.ask(document).json()
    got = ben_mini.client.get("/api/v1/decide", query).json()

    assert canonical_answer(posted) == canonical_answer(got)
    assert Decision.objects.count() == 2


def test_the_log_holds_who_asked_and_no_credentials(publish, ben_mini):
    publish()

    ben_mini.ask(
        {
            "task": "commit-message",
            "projects": [
                {"remotes": ["https://ben:hunter2@github.com/acme/app.git?token=hunter3"], "paths": ["~/secret"]}
            ],
        }
    )

    decision = Decision.objects.get()
    assert decision.machine == ben_mini.machine
    assert decision.token_id == ben_mini.machine.token.public_id
    assert (decision.decided_by, decision.task) == ("portal", "commit-message")
    stored = json.dumps([decision.request, decision.answer])
    assert "hunter" not in stored
    assert "~/secret" not in json.dumps(decision.request)
    assert "github.com/acme/app" in stored


def test_texts_follow_the_language_and_nothing_else_does(ben_mini):
    english = ben_mini.ask({"task": "commit-message"}, **{"Accept-Language": "en"}).json()
    japanese = ben_mini.ask({"task": "commit-message"}, **{"Accept-Language": "ja-JP,ja;q=0.9"}).json()

    assert english["reasons"][0]["text"] != japanese["reasons"][0]["text"]
    assert canonical_answer(english) == canonical_answer(japanese)


def test_one_line_for_scripts_that_cut(publish, ben_mini):
    local = ben_mini.client.get("/api/v1/decide", {"task": "commit-message"}, headers={"Accept": "text/plain"})
    publish(unclassified={"anonymous": "cloud_ok"})
    cloud = ben_mini.client.get("/api/v1/decide", {"task": "agent-team"}, headers={"Accept": "text/plain"})

    local_id, cloud_id = Decision.objects.order_by("at").values_list("id", flat=True)
    assert local.content.decode() == f"local\ttiny\thttp://127.0.0.1:8080\t{local_id}\n"
    assert cloud.content.decode() == f"cloud\t-\t-\t{cloud_id}\n"
    assert local["Content-Type"] == "text/plain; charset=utf-8"


def test_a_service_token_without_machine_gets_no_local_model(publish, service):
    publish(privacy_rules=[ACME])

    answer = service.ask({"task": "commit-message", "projects": [PROJECT]})

    assert answer.status_code == 200
    assert answer.json()["backend"] == "none"
    assert "machine_unknown" in [warning["code"] for warning in answer.json()["warnings"]]


def test_a_service_token_may_ask_for_a_machine(service, ben_mini):
    answer = service.ask({"task": "commit-message", "machine": ben_mini.machine.public_id}).json()

    assert (answer["backend"], answer["machine"]) == ("local", ben_mini.machine.public_id)


def test_a_machine_may_not_ask_for_another(ben_mini, chie_air):
    response = chie_air.ask({"task": "commit-message", "machine": ben_mini.machine.public_id})

    assert (response.status_code, response.json()["code"]) == (403, "machine.not_yours")
    assert not Decision.objects.exists()


def test_an_unknown_machine_is_named(service):
    response = service.ask({"task": "commit-message", "machine": "m_0000000000000000"})

    assert (response.status_code, response.json()["code"]) == (404, "machine.unknown")


def test_a_session_of_the_browser_asks_for_nothing(client_of, aiko):
    response = client_of(aiko).post("/api/v1/decisions", {"task": "commit-message"}, content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (401, "token.missing")


def test_a_token_of_another_scope_may_not_ask(aiko):
    token = issue_service_token(name="reader", scope=Scope.READ, by=aiko)

    response = Client(headers={"Authorization": f"Bearer {token.text}"}).get("/api/v1/decide", {"task": "x"})

    assert (response.status_code, response.json()["code"]) == (403, "token.scope_missing")


def test_an_unknown_task_is_told_with_the_known_ones(ben_mini):
    response = ben_mini.ask({"task": "write-poem"})

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "task.unknown"
    assert "commit-message" in response.json()["detail"]


BAD_BODIES = {
    "nothing": b"",
    "no JSON": b"{task",
    "array": b"[]",
    "unknown field": b'{"task": "commit-message", "prompt": "x"}',
    "wrong type": b'{"task": 7}',
    "too many projects": json.dumps({"task": "commit-message", "projects": [{}] * 65}).encode(),
    "too many remotes": json.dumps({"task": "commit-message", "projects": [{"remotes": ["x"] * 65}]}).encode(),
    "negative": b'{"task": "commit-message", "context_tokens": -1}',
    "10 MB": b'{"task": "' + b"x" * 10_000_000 + b'"}',
    "deep nesting": b"[" * 100_000,
    "deep objects": b'{"a":' * 10_000,
    "NUL": b'{"task": "commit\\u0000message"}',
    "raw NUL": b'{"task": "commit\x00message"}',
    "lone surrogate": b'{"task": "\\ud800"}',
    "duplicate keys": b'{"task": "commit-message", "task": "commit-message"}',
    "NaN": b'{"task": "commit-message", "deadline_s": NaN}',
    "huge number": b'{"task": "commit-message", "context_tokens": ' + b"9" * 5000 + b"}",
    "not UTF-8": b'{"task": "\xff"}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_odd_bodies_are_refused_in_words_and_nothing_is_stored(ben_mini, body):
    response = ben_mini.client.generic("POST", "/api/v1/decisions", body, content_type="application/json")

    assert response.status_code in (400, 413)
    assert response["Content-Type"] == "application/problem+json"
    assert set(response.json()) == {"code", "detail", "field", "docs"}
    assert not Decision.objects.exists()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "task=commit-message&prompt=x",
        "task=commit-message&task=agent-team",
        "task=commit-message&context_tokens=many",
        "task=commit-message&context_tokens=-1",
        "task=commit-message&context_tokens=" + "9" * 5000,
        "task=commit-message&deadline_s=nan",
        "task=commit-message&offline=perhaps",
        "task=commit-message&need=wings",
        "task=commit-message&remote=a%00b",
        "task=commit-message&remote=%ff",
        "task=commit-message&" + "&".join(f"remote=r{n}" for n in range(65)),
    ],
)
def test_odd_queries_are_refused_in_words_and_nothing_is_stored(ben_mini, query):
    response = ben_mini.client.get(f"/api/v1/decide?{query}")

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert not Decision.objects.exists()


def test_a_token_may_ask_600_times_a_minute_and_then_waits(ben_mini, chie_air, monkeypatch):
    monkeypatch.setattr("routing.rate.DECISIONS_PER_MINUTE", 3)
    statuses = [ben_mini.ask({"task": "commit-message"}).status_code for _ in range(3)]

    refused = ben_mini.ask({"task": "commit-message"})

    assert statuses == [200, 200, 200]
    assert (refused.status_code, refused.json()["code"]) == (429, "rate.limited")
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert chie_air.ask({"task": "commit-message"}).status_code == 200


def test_a_decision_costs_few_queries(ben_mini, django_assert_num_queries):
    ben_mini.ask({"task": "commit-message"})

    # The token, its machine, the head of the policy, the machine's benchmarks, and the log row.
    with django_assert_num_queries(5):
        ben_mini.ask({"task": "commit-message"})


def test_a_decision_for_a_service_costs_no_look_for_a_machine(service, django_assert_num_queries):
    service.ask({"task": "commit-message"})

    # The token, the head of the policy, and the log row.
    with django_assert_num_queries(3):
        service.ask({"task": "commit-message"})
