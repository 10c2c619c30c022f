"""GET /api/v1/policy and its revisions: for programs that may read, as JSON and as the policy file."""

import pytest
from django.test import Client

from portal.accounts.token_models import Scope
from portal.accounts.tokens import issue_service_token
from portal.audit.services import OPERATOR
from routing.models import PolicyRevision
from routing.policy_file import read_policy_file
from routing.publishing import publish_revision
from tests.routing.conftest import ACME

URL = "/api/v1/policy"
REVISIONS = f"{URL}/revisions"


def with_scope(scope: Scope) -> Client:
    token = issue_service_token(name=scope, scope=scope, by=None, actor=OPERATOR)
    return Client(headers={"Authorization": f"Bearer {token.text}"})


@pytest.fixture
def reader(db) -> Client:
    return with_scope(Scope.READ)


def test_the_policy_in_force_comes_with_its_number_its_digest_and_who_published_it(reader, publish, aiko):
    publish()
    second = publish(privacy_rules=[ACME])

    body = reader.get(URL).json()

    assert (body["number"], body["digest"]) == (2, second.digest)
    assert body["published_at"] == f"{second.at:%Y-%m-%dT%H:%M:%SZ}"
    assert body["published_by"] == {"id": aiko.public_id, "name": "Aiko"}
    assert body["changes"] == {
        "rules_added": ["nda-acme"], "rules_removed": [], "rules_changed": [], "sections_changed": [],
    }  # fmt: skip
    assert body["policy"] == second.parsed


def test_a_portal_without_any_policy_shows_the_shipped_one(reader):
    body = reader.get(URL).json()

    assert (body["number"], body["published_by"]) == (1, {"id": None, "name": "portal"})
    assert len(body["policy"]["tasks"]) == 13


def test_as_yaml_it_is_the_file_that_an_import_takes(reader, publish, aiko):
    published = publish(privacy_rules=[ACME])

    response = reader.get(URL, headers={"Accept": "application/yaml"})

    assert response["Content-Type"] == "application/yaml; charset=utf-8"
    again = publish_revision(document=read_policy_file(response.content), by=aiko)
    assert again.digest == published.digest


@pytest.mark.parametrize("path", [URL, f"{REVISIONS}/1"])
def test_an_unchanged_policy_costs_a_304_in_each_of_its_forms(reader, publish, path):
    publish()
    as_json = reader.get(path)["ETag"]
    as_yaml = reader.get(path, headers={"Accept": "application/yaml"})["ETag"]

    unchanged = reader.get(path, headers={"If-None-Match": as_json})
    assert (unchanged.status_code, unchanged["ETag"], unchanged.content) == (304, as_json, b"")
    assert reader.get(path, headers={"If-None-Match": as_yaml}).status_code == 200
    publish(privacy_rules=[ACME])
    assert reader.get(URL, headers={"If-None-Match": as_json}).status_code == 200


def test_revisions_come_newest_first_page_by_page(reader, publish):
    for _number in range(5):
        publish()

    found, address = [], f"{REVISIONS}?limit=2"
    while address:
        page = reader.get(address).json()
        found.append([one["number"] for one in page["results"]])
        address = page["next"]

    assert found == [[5, 4], [3, 2], [1]]
    assert set(page["results"][0]) == {"number", "epoch", "digest", "published_at", "published_by", "note"}


def test_a_past_revision_stays_as_it_was(reader, publish):
    first = publish(privacy_rules=[ACME])
    publish()

    body = reader.get(f"{REVISIONS}/1").json()

    assert (body["policy"], body["digest"]) == (first.parsed, first.digest)
    assert body["changes"]["rules_added"] == ["nda-acme"]
    assert reader.get(URL).json()["changes"]["rules_removed"] == ["nda-acme"]


@pytest.mark.parametrize("number", ["0", "3", "99999999999999999999", "x", "-1", "%00"])
def test_a_revision_that_never_was_is_404(reader, publish, number):
    publish()
    response = reader.get(f"{REVISIONS}/{number}")

    assert (response.status_code, response.json()["code"]) == (404, "resource.not_found")


@pytest.mark.parametrize("path", [URL, REVISIONS, f"{REVISIONS}/1"])
def test_only_tokens_that_may_read_get_the_policy(publish, ben_mini, service, client_of, aiko, path):
    publish(privacy_rules=[{**ACME, "confidential": True}])
    allowed = [with_scope(scope).get(path).status_code for scope in (Scope.READ, Scope.POLICY, Scope.ADMIN)]

    assert allowed == [200, 200, 200]
    for outsider in (ben_mini.client, service.client):
        refused = outsider.get(path)
        assert (refused.status_code, refused.json()["code"]) == (403, "token.scope_missing")
        assert b"acme" not in refused.content
    for visitor in (Client(), client_of(aiko)):
        assert visitor.get(path).json()["code"] == "token.missing"


def test_nothing_is_published_over_these_routes(publish):
    publish()
    admin = with_scope(Scope.ADMIN)

    for path in (URL, REVISIONS, f"{REVISIONS}/1"):
        for send in (admin.post, admin.put, admin.patch, admin.delete):
            refused = send(path)
            assert (refused.status_code, refused.json()["code"]) == (405, "method.not_allowed")
    assert PolicyRevision.objects.count() == 1


@pytest.mark.parametrize("path", [URL, REVISIONS, f"{REVISIONS}/1"])
def test_an_unknown_parameter_is_named(reader, publish, path):
    publish()
    response = reader.get(f"{path}?revision=1")

    assert (response.status_code, response.json()["code"], response.json()["field"]) == (
        400,
        "field.unknown",
        "revision",
    )


def test_the_policy_costs_the_same_however_long_its_history_is(reader, publish, django_assert_num_queries):
    for _number in range(4):
        publish(privacy_rules=[ACME])
    etag = reader.get(URL)["ETag"]

    # The token, the head, the revision with its publisher, the one before.
    with django_assert_num_queries(4):
        reader.get(URL)
    with django_assert_num_queries(3):
        reader.get(URL, headers={"If-None-Match": etag})
    with django_assert_num_queries(3):
        reader.get(f"{REVISIONS}/2")
    with django_assert_num_queries(2):
        reader.get(REVISIONS)
