"""Bearer tokens: what is stored, who passes, what the refused are told."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from portal.accounts.authentication import BearerTokenAuthentication, HasScope
from portal.accounts.models import ApiToken, Scope, TokenKind, User
from portal.accounts.tokens import (
    IssuedToken,
    extend_token,
    issue_service_token,
    issue_token,
    revoke_token,
    verify_token,
)
from portal.audit.models import AuditEntry
from portal.audit.services import OPERATOR
from portal.common.problems import Problem

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
ALL = frozenset(TokenKind)


@pytest.fixture
def issued() -> IssuedToken:
    return issue_service_token(name="ci", scope=Scope.READ, by=None, actor=OPERATOR)


def refusal(text: str, kinds: frozenset[TokenKind] = ALL) -> str:
    with pytest.raises(Problem) as caught:
        verify_token(text, kinds=kinds)
    assert caught.value.status == 401
    return caught.value.code


def test_token_verifies_and_its_secret_is_stored_nowhere(issued: IssuedToken) -> None:
    secret = issued.text.split("_", 2)[2]

    row = verify_token(issued.text, kinds=ALL)

    assert row == issued.row
    assert secret not in str(ApiToken.objects.values().get())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kst",
        "kst_000000000000_" + "a" * 43,
        "kst_000000000000_" + "é" * 43,
        "kst_00000000000\x00_" + "a" * 43,
        "x" * 10_000,
    ],
)
def test_unknown_and_malformed_tokens_are_told_apart_by_nobody(issued: IssuedToken, text: str) -> None:
    assert refusal(text) == "token.unknown"


def test_right_id_with_another_secret_is_unknown(issued: IssuedToken) -> None:
    assert refusal(issued.text[:-43] + "a" * 43) == "token.unknown"


def test_right_token_under_another_kind_is_unknown(issued: IssuedToken) -> None:
    assert refusal(issued.text.replace("kst_", "kmt_")) == "token.unknown"
    assert refusal(issued.text, frozenset({TokenKind.MACHINE})) == "token.unknown"


def test_unknown_and_wrong_tokens_cost_the_same_queries(
    issued: IssuedToken, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for text in ("nonsense", "kst_000000000000_" + "a" * 43, issued.text[:-43] + "a" * 43):
        with django_assert_num_queries(1):
            refusal(text)


def test_revoked_token_is_refused_with_the_next_request(issued: IssuedToken, aiko: User) -> None:
    verify_token(issued.text, kinds=ALL)

    revoke_token(token=issued.row, by=aiko)

    assert refusal(issued.text) == "token.revoked"
    assert AuditEntry.objects.filter(action="token.revoked", by=aiko).count() == 1


def test_expired_token_is_refused_and_the_wrong_secret_is_not_told_of_it() -> None:
    with time_machine.travel(NOW, tick=False):
        issued = issue_service_token(name="ci", scope=Scope.READ, by=None, actor=OPERATOR, lifetime=timedelta(hours=1))
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        assert refusal(issued.text) == "token.expired"
        assert refusal(issued.text[:-43] + "a" * 43) == "token.unknown"


def test_older_peppers_still_verify_and_dropped_ones_do_not(issued: IssuedToken, settings: Settings) -> None:
    old = settings.TOKEN_PEPPERS

    settings.TOKEN_PEPPERS = ["new", *old]
    assert verify_token(issued.text, kinds=ALL) == issued.row

    settings.TOKEN_PEPPERS = ["new"]
    assert refusal(issued.text) == "token.unknown"


def test_last_use_is_written_at_most_once_a_minute(issued: IssuedToken) -> None:
    for offset_s, expected_s in ((0, 0), (59, 0), (60, 60), (61, 60)):
        with time_machine.travel(NOW + timedelta(seconds=offset_s), tick=False):
            verify_token(issued.text, kinds=ALL)
        issued.row.refresh_from_db()
        assert issued.row.last_used_at == NOW + timedelta(seconds=expected_s)


def test_extending_goes_only_forward_and_never_revives(issued: IssuedToken, aiko: User) -> None:
    before = issued.row.expires_at
    extend_token(issued.row, until=before - timedelta(days=1))
    issued.row.refresh_from_db()
    assert issued.row.expires_at == before

    revoke_token(token=issued.row, by=aiko)
    extend_token(issued.row, until=before + timedelta(days=1))
    issued.row.refresh_from_db()
    assert issued.row.expires_at == before


@pytest.mark.parametrize(
    "changes", [{"kind": "xxx"}, {"scope": "all"}, {"expires_at": datetime(2000, 1, 1, tzinfo=UTC)}]
)
def test_database_refuses_tokens_that_make_no_sense(issued: IssuedToken, changes: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        ApiToken.objects.update(**changes)


@pytest.mark.parametrize(
    ("scope", "passes", "refused"),
    [
        (Scope.DECIDE, {"decide"}, {"read", "policy", "admin", "machine"}),
        (Scope.READ, {"read"}, {"decide", "policy", "admin", "machine"}),
        (Scope.POLICY, {"policy", "read"}, {"decide", "admin", "machine"}),
        (Scope.ADMIN, {"admin", "policy", "read", "decide"}, {"machine"}),
        (Scope.MACHINE, {"machine", "decide"}, {"read", "policy", "admin"}),
    ],
)
def test_scope_opens_what_it_includes_and_nothing_else(scope: Scope, passes: set[str], refused: set[str]) -> None:
    request = Request(APIRequestFactory().get("/"))
    kind = TokenKind.MACHINE if scope == Scope.MACHINE else TokenKind.SERVICE
    request.auth = issue_token(kind=kind, scope=scope, name="x", expires_at=timezone.now() + timedelta(days=1)).row

    for wanted in passes:
        assert HasScope(wanted)().has_permission(request, APIView())
    for wanted in refused:
        with pytest.raises(Problem) as caught:
            HasScope(wanted)().has_permission(request, APIView())
        assert (caught.value.status, caught.value.code) == (403, "token.scope_missing")


@pytest.mark.parametrize("header", ["", "Bearer", "Basic abc", "Bearer a b", "Token abc"])
def test_missing_token_is_said_to_be_missing(header: str) -> None:
    request = APIRequestFactory().get("/", headers={"Authorization": header} if header else {})

    with pytest.raises(Problem) as caught:
        BearerTokenAuthentication().authenticate(Request(request))

    assert (caught.value.status, caught.value.code) == (401, "token.missing")
    assert caught.value.headers == {"WWW-Authenticate": "Bearer"}


def test_join_key_is_no_bearer() -> None:
    key = issue_token(
        kind=TokenKind.JOIN_KEY, scope=Scope.JOIN, name="x", expires_at=timezone.now() + timedelta(days=1)
    )
    request = APIRequestFactory().get("/", headers={"Authorization": f"Bearer {key.text}"})

    with pytest.raises(Problem) as caught:
        BearerTokenAuthentication().authenticate(Request(request))

    assert caught.value.code == "token.unknown"


def test_command_prints_the_token_alone_and_is_audited(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("api_token", name="ci", scope="policy")

    text = capsys.readouterr().out
    assert text == text.strip() + "\n"
    assert verify_token(text.strip(), kinds=ALL).scopes == {"policy", "read"}
    entry = AuditEntry.objects.get(action="token.issued")
    assert (entry.by, entry.actor) == (None, OPERATOR)
    assert text.strip() not in str(entry.data)


def test_command_refuses_scopes_that_only_machines_have() -> None:
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("api_token", "--name", "ci", "--scope", "machine")
