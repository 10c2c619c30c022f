"""While the database is away, everybody is told to try again; nobody is told that the portal broke."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest
from django.db import InternalError, OperationalError, connection
from django.test import Client

from portal.accounts.models import User
from portal.common.outages import is_outage


@contextmanager
def database_away() -> Iterator[None]:
    def fail(*_: object) -> None:
        raise OperationalError("server closed the connection: host=db.internal user=kirikae")

    with connection.execute_wrapper(fail):
        yield


@pytest.mark.django_db
def test_the_api_answers_503_and_says_when_to_come_back() -> None:
    client = Client(raise_request_exception=False)

    with database_away():
        response = client.get("/api/v1/machines", headers={"Authorization": "Bearer kst_0123456789ab_x"})

    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert response.json()["code"] == "database.unavailable"
    assert 2 <= int(response.headers["Retry-After"]) <= 6
    assert response.headers["Content-Type"] == "application/problem+json"
    assert b"db.internal" not in response.content


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/sign-in", "/machines/"])
def test_a_signed_in_person_gets_a_page_in_words(path: str, client_of: Callable[[User], Client], ben: User) -> None:
    client = client_of(ben)
    client.raise_request_exception = False

    with database_away():
        response = client.get(path)

    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "Back in a moment" in response.content.decode()
    assert "Retry-After" in response.headers
    assert "db.internal" not in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/machines/", "/setup/one-time-token"])
def test_a_page_logs_one_line_without_trace_or_address(
    path: str, client_of: Callable[[User], Client], ben: User, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(ben)
    client.raise_request_exception = False

    with database_away():
        client.get(path)

    assert caplog.text.count("\n") == 1
    assert "database.unavailable: OperationalError" in caplog.text


@pytest.mark.django_db
def test_shells_that_eval_the_answer_get_a_refusal_that_runs() -> None:
    client = Client(raise_request_exception=False)
    headers = {"Authorization": "Bearer kst_0123456789ab_x", "Accept": "application/x-sh"}

    with database_away():
        response = client.post("/api/v1/decisions", {}, "application/json", headers=headers)

    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "Retry-After" in response.headers
    assert "kirikae_client" in response.content.decode()


@pytest.mark.django_db
def test_a_fault_of_the_portal_stays_a_500(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.health.views.check_readiness", lambda: 1 / 0)

    response = Client(raise_request_exception=False).get("/readyz")

    assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR


def test_a_read_only_server_is_an_outage_and_other_internal_errors_are_not() -> None:
    class ReadOnlyError(Exception):
        sqlstate = "25006"

    error = InternalError("cannot execute UPDATE in a read-only transaction")
    error.__cause__ = ReadOnlyError()

    assert is_outage(error)
    assert not is_outage(InternalError("index is corrupted"))


def test_what_a_lost_connection_led_to_is_an_outage_too() -> None:
    error = RuntimeError("the transaction is broken")
    error.__context__ = OperationalError("gone")

    assert is_outage(error)
