"""GET /api/v1/requests for programs of admins, and declining: a Mac goes on seeing its own alone."""

import pytest
from django.test import Client

from portal.accounts.token_models import ApiToken, Scope
from portal.accounts.tokens import issue_service_token
from portal.audit.models import AuditEntry
from portal.audit.services import OPERATOR
from portal.notices.models import Notice
from routing.inbox import list_requests
from routing.models import PolicyRequest
from tests.routing.test_inbox import make

URL = "/api/v1/requests"


def with_scope(scope: Scope) -> Client:
    token = issue_service_token(name=f"{scope}-bot", scope=scope, by=None, actor=OPERATOR)
    return Client(headers={"Authorization": f"Bearer {token.text}"})


@pytest.fixture
def reader(db) -> Client:
    return with_scope(Scope.READ)


@pytest.fixture
def asked(publish, ben_mini, chie_air) -> list[str]:
    """Two of Ben's Mac and one of Chie's; their ids, newest first."""
    publish()
    answers = [make(ben_mini), make(ben_mini, kind="exception", reason=""), make(chie_air)]
    return [answer.json()["id"] for answer in answers][::-1]


def ids(response) -> list[str]:
    return [one["id"] for one in response.json()["results"]]


def decline(client: Client, request_id: str, *, body: object = "", query: str = ""):
    return client.post(f"{URL}/{request_id}/decline{query}", body, content_type="application/json")


def test_a_token_that_may_read_sees_all_and_who_asked(reader, asked, ben, ben_mini):
    found = reader.get(URL).json()

    assert [one["id"] for one in found["results"]] == asked
    assert found["next"] is None
    row = found["results"][-1]
    assert (row["kind"], row["state"], row["reason"]) == ("classify", "open", "A customer's code")
    assert row["remotes"] == ["github.com/acme/app"]
    assert row["machine"] == {
        "id": ben_mini.machine.public_id,
        "name": "ben-mini",
        "owner": {"id": ben.public_id, "name": "Ben"},
    }


def test_an_admins_token_sees_them_too_and_one_that_only_decides_does_not(asked, service):
    assert ids(with_scope(Scope.ADMIN).get(URL)) == asked
    assert ids(with_scope(Scope.POLICY).get(URL)) == asked
    refused = service.client.get(URL)
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "This needs a token with the scope machine or read.",
    )


def test_a_mac_sees_its_own_alone_whatever_it_asks_for(asked, ben_mini, chie_air):
    assert ids(ben_mini.client.get(URL)) == asked[1:]
    assert ids(chie_air.client.get(f"{URL}?state=open")) == asked[:1]
    assert chie_air.client.get(f"{URL}?machine={ben_mini.machine.public_id}").json()["code"] == "field.unknown"
    following = ben_mini.client.get(f"{URL}?limit=1").json()["next"]
    assert ids(chie_air.client.get(following)) == []


def test_by_state_and_page_by_page(reader, asked):
    decline(with_scope(Scope.POLICY), asked[1])

    assert ids(reader.get(f"{URL}?state=open")) == [asked[0], asked[2]]
    assert ids(reader.get(f"{URL}?state=declined")) == [asked[1]]
    first = reader.get(f"{URL}?limit=2")
    assert ids(first) + ids(reader.get(first.json()["next"])) == asked
    assert reader.get(f"{URL}?state=closed").json()["field"] == "state"


def test_declining_is_audited_by_the_token_and_told_to_who_asked(asked, ben, ben_mini):
    answer = decline(with_scope(Scope.POLICY), asked[1])

    assert (answer.status_code, answer.json()["state"]) == (200, "declined")
    entry = AuditEntry.objects.get(action="request.declined")
    actor = f"policy-bot (token {ApiToken.objects.get(name='policy-bot').public_id})"
    assert (entry.by, entry.actor, entry.subject_id) == (None, actor, asked[1])
    notice = Notice.objects.get(kind="request.declined")
    assert notice.data["person"] == actor
    assert ids(ben_mini.client.get(f"{URL}?state=declined")) == [asked[1]]
    assert decline(with_scope(Scope.POLICY), asked[1]).status_code == 404
    assert AuditEntry.objects.filter(action="request.declined").count() == 1


def test_outsiders_decline_nothing(asked, reader, service, ben_mini, client_of, aiko):
    for outsider in (reader, service.client, ben_mini.client):
        refused = decline(outsider, asked[0])
        assert (refused.status_code, refused.json()["code"]) == (403, "token.scope_missing")
    for visitor in (Client(), client_of(aiko)):
        assert decline(visitor, asked[0]).json()["code"] == "token.missing"
    assert not PolicyRequest.objects.exclude(state="open").exists()


def test_declining_takes_no_words(asked):
    admin = with_scope(Scope.ADMIN)

    worded = decline(admin, asked[0], body={"reason": "no"})
    asked_for = decline(admin, asked[0], query="?reason=no")

    assert {answer.json()["code"] for answer in (worded, asked_for)} == {"field.unknown"}
    assert PolicyRequest.objects.get(public_id=asked[0]).state == "open"


@pytest.mark.parametrize("name", ["q_0000000000000000", "x" * 5000])
def test_a_request_that_never_was_is_404(asked, name):
    answer = decline(with_scope(Scope.ADMIN), name)

    assert (answer.status_code, answer.json()["detail"]) == (404, "There is nothing at this address.")


def test_waiting_ones_come_first_on_the_page_then_the_newest_answers(asked, aiko):
    admin = with_scope(Scope.ADMIN)
    decline(admin, asked[2])
    decline(admin, asked[0])

    assert [one.public_id for one in list_requests(aiko)] == [asked[1], asked[0], asked[2]]


def test_the_list_costs_the_same_however_much_was_asked(reader, asked, ben_mini, django_assert_num_queries):
    reader.get(URL)

    with django_assert_num_queries(2):  # the token, and the requests with their Macs and owners
        assert len(ids(reader.get(URL))) == 3
    with django_assert_num_queries(3):  # the token, its Mac, the requests
        ben_mini.client.get(URL)
