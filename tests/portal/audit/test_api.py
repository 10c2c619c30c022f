"""GET /api/v1/audit: what was changed and by whom, for tokens with the scope of an admin alone."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.accounts.token_models import ApiToken, Scope
from portal.accounts.tokens import issue_service_token, revoke_token
from portal.audit.models import AuditEntry
from portal.audit.services import OPERATOR, record

URL = "/api/v1/audit"
MOMENT = datetime(2026, 11, 3, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def with_scope(scope: Scope) -> Client:
    token = issue_service_token(name=scope, scope=scope, by=None, actor=OPERATOR)
    return Client(headers={"Authorization": f"Bearer {token.text}"})


@pytest.fixture
def admin(db: None) -> Client:
    client = with_scope(Scope.ADMIN)
    AuditEntry.objects.all().delete()
    return client


def entry(person: User, *, at: datetime = MOMENT, action: str = "rule.changed") -> AuditEntry:
    made = record(by=person, action=action, subject=person, data={"note": "x"})
    AuditEntry.objects.filter(pk=made.pk).update(at=at)
    return made


def test_an_entry_says_when_who_what_and_of_what(admin: Client, ben: User) -> None:
    entry(ben)

    (found,) = admin.get(URL).json()["results"]

    assert found == {
        "at": "2026-11-03T12:00:00Z",
        "action": "rule.changed",
        "by": {"id": ben.public_id, "name": "Ben"},
        "actor": "ben@example.org",
        "subject": {"kind": "user", "id": ben.public_id},
        "data": {"note": "x"},
    }


def test_what_no_person_did_names_who_acted(admin: Client, ben: User) -> None:
    record(by=None, actor=OPERATOR, action="backup.restored", subject=ben)

    (found,) = admin.get(URL).json()["results"]

    assert (found["by"], found["actor"]) == (None, OPERATOR)


def test_filters_hold_together(admin: Client, ben: User, chie: User) -> None:
    entry(ben, at=MOMENT)
    entry(chie, at=MOMENT)
    entry(ben, at=MOMENT, action="rule.removed")
    entry(ben, at=MOMENT - timedelta(seconds=1))
    entry(ben, at=MOMENT + timedelta(hours=1))

    query = f"action=rule.changed&subject={ben.public_id}&since=2026-11-03T21:00:00%2B09:00&until=2026-11-03T13:00:00Z"
    found = admin.get(f"{URL}?{query}").json()["results"]

    assert [(one["at"], one["subject"]["id"]) for one in found] == [("2026-11-03T12:00:00Z", ben.public_id)]


def test_pages_hold_each_entry_once_also_of_one_moment_and_while_others_come_in(admin: Client, ben: User) -> None:
    for number in range(7):
        entry(ben, action=f"a.{number}")

    found, address = [], f"{URL}?limit=3"
    while address:
        page = admin.get(address).json()
        found += [one["action"] for one in page["results"]]
        address = page["next"]
        entry(ben, at=MOMENT + timedelta(hours=1), action="later")

    assert found == [f"a.{number}" for number in reversed(range(7))]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("since=yesterday", "since"),
        ("since=0001-01-01T00:00:00%2B14:00", "since"),
        ("until=9999-12-31T23:59:59-14:00", "until"),
        ("action=" + "x" * 61, "action"),
        ("subject=%00", "subject"),
        ("person=ben", "person"),
        ("cursor=", "cursor"),
        ("cursor=x", "cursor"),
        ("cursor=%00:x", "cursor"),
        ("cursor=WzAsZmFsc2UsIngiXQ:x", "cursor"),
        ("cursor=" + "x" * 9000, "cursor"),
    ],
)
def test_parameters_outside_their_shape_are_named(admin: Client, query: str, field: str) -> None:
    response = admin.get(f"{URL}?{query}")

    assert (response.status_code, response.json()["field"]) == (400, field)


def test_a_cursor_holds_for_its_own_list_and_unchanged(admin: Client, ben: User) -> None:
    for _number in range(3):
        entry(ben)
    cursor = admin.get(f"{URL}?limit=1").json()["next"].partition("cursor=")[2]
    # The first letters of the place itself, before its signature.
    forged = ("A" if cursor[4] != "A" else "B").join([cursor[:4], cursor[5:]])

    assert admin.get(f"{URL}?cursor={cursor}").status_code == 200
    assert admin.get(f"{URL}?cursor={forged}").json()["code"] == "cursor.invalid"
    assert admin.get(f"/api/v1/machines?cursor={cursor}").json()["code"] == "cursor.invalid"


@pytest.mark.parametrize("scope", [Scope.READ, Scope.POLICY, Scope.DECIDE])
def test_only_an_admins_token_reads_it(ben: User, scope: Scope) -> None:
    entry(ben)

    refused = with_scope(scope).get(URL)

    assert (refused.status_code, refused.json()["code"]) == (403, "token.scope_missing")
    assert b"ben@" not in refused.content


def test_neither_a_session_nor_an_old_token_reads_it(aiko: User, client_of) -> None:
    client = with_scope(Scope.ADMIN)
    token = ApiToken.objects.get()

    assert client_of(aiko).get(URL).json()["code"] == "token.missing"
    ApiToken.objects.update(expires_at=token.created_at + timedelta(microseconds=1))
    assert (client.get(URL).status_code, client.get(URL).json()["code"]) == (401, "token.expired")
    revoke_token(token=token, by=aiko)
    assert (client.get(URL).status_code, client.get(URL).json()["code"]) == (401, "token.revoked")


def test_the_log_costs_two_queries_however_long_it_is(admin: Client, ben: User, django_assert_num_queries) -> None:
    for _number in range(9):
        entry(ben)
    admin.get(URL)

    with django_assert_num_queries(2):  # the token, and the entries with their people
        assert len(admin.get(URL).json()["results"]) == 9
