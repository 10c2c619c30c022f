"""Every error of the API has the same body and a stable code."""

import ast
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client
from django.utils import translation
from django.utils.html import escape
from rest_framework import exceptions
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from portal.accounts.models import User
from portal.accounts.token_models import Scope
from portal.accounts.tokens import issue_service_token
from portal.common import problems
from portal.common.problem_texts import TEXTS
from portal.common.problems import CONTENT_TYPE, Problem
from tests.house.test_routes import ROUTES, address_of


class _Echo(APIView):
    permission_classes = (AllowAny,)
    error: Exception | None = None

    def post(self, request: Request) -> Response:
        if self.error:
            raise self.error
        return Response({"got": request.data})


def _post(body: Any, *, error: Exception | None = None, **extra: Any) -> Any:
    request = APIRequestFactory().generic(
        "POST", "/", body, content_type=extra.pop("content_type", "application/json"), **extra
    )
    response = _Echo.as_view(error=error)(request)
    return response.render() if isinstance(response, Response) else response


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Problem(409, "machine.name_taken", "Taken."), 409, "machine.name_taken"),
        (exceptions.ParseError(), 400, "request.malformed"),
        (exceptions.ValidationError({"task": ["unknown"]}), 400, "request.invalid"),
        (exceptions.NotFound(), 404, "resource.not_found"),
        (Http404(), 404, "resource.not_found"),
        (PermissionDenied(), 403, "access.denied"),
        (exceptions.NotAcceptable(), 406, "accept.unsupported"),
        (exceptions.Throttled(wait=2.2), 429, "rate.limited"),
    ],
)
def test_each_error_becomes_a_problem_with_its_code(error: Exception, status: int, code: str) -> None:
    response = _post(b"{}", error=error)

    assert response.status_code == status
    assert response["Content-Type"] == CONTENT_TYPE
    assert json.loads(response.content)["code"] == code


def list_raised_codes() -> set[str]:
    """Every code that stands where an error of the API is made."""
    makers = {"Problem", "WireError", "PolicyErrors", "refuse", "add", "wrong", "_problem", "__init__"}
    return {
        str(node.value)
        for folder in ("portal/common", "portal/accounts", "machines", "routing")
        for file in Path(folder).rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in makers
        for node in (*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "code"))
        if isinstance(node, ast.Constant) and re.fullmatch(r"[a-z_]+\.[a-z_]+", str(node.value))
    }


def test_every_code_that_an_error_has_stands_on_the_page_that_docs_leads_to() -> None:
    raised = list_raised_codes() | {code for _kind, code in problems._CODES}
    assert {"token.expired", "field.missing", "json.malformed", "policy.invalid", "enrolment.too_many"} <= raised

    page = Client().get("/problems/").content.decode()

    assert sorted(raised - set(TEXTS)) == []
    for code in raised:
        address, _mark, anchor = (problems.docs_of(code) or "").partition("#")
        assert address == "/problems/"
        assert f'id="{anchor}"' in page


def test_the_page_of_codes_reads_no_database_and_tells_them_in_japanese() -> None:
    page = Client().get("/problems/", headers={"Accept-Language": "ja"}).content.decode()

    with translation.override("ja"):
        sentences = [str(text) for text in TEXTS.values()]
    assert all(escape(sentence) in page and not sentence.isascii() for sentence in sentences)


def test_throttling_says_when_to_come_back() -> None:
    assert _post(b"{}", error=exceptions.Throttled(wait=2.2))["Retry-After"] == "3"


def test_validation_names_the_field() -> None:
    response = _post(b"{}", error=exceptions.ValidationError({"projects": {"role": ["no such role"]}}))

    assert json.loads(response.content) == {
        "code": "request.invalid",
        "detail": "no such role",
        "field": "projects.role",
        "docs": "/problems/#request.invalid",
    }


@pytest.mark.parametrize(
    "body",
    [b"{", b" ", b"\xff", b'{"a": 1} x', b'{"a": 1, "a": 2}', b'{"a": NaN}', b'"\\u0000"', b'"\\ud800"', b"[" * 60_000],
)
def test_a_body_that_is_not_json_is_a_client_error(body: bytes) -> None:
    response = _post(body)

    assert response.status_code == 400


def test_a_body_over_the_limit_is_413() -> None:
    response = _post(b'"' + b"x" * (64 * 1024) + b'"')

    assert response.status_code == 413
    assert b"request.too_large" in response.content


def test_ten_megabytes_are_refused_unread() -> None:
    class Untouchable(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError("the body was read")

    request = APIRequestFactory().generic("POST", "/", "", content_type="application/json")
    request.META |= {"CONTENT_LENGTH": "10000000"}
    request._stream = Untouchable()

    assert _Echo.as_view()(request).status_code == 413


def test_another_content_type_is_415() -> None:
    assert _post(b"<a/>", content_type="application/xml").status_code == 415


def test_an_unexpected_method_is_405() -> None:
    request = APIRequestFactory().delete("/")

    assert _Echo.as_view()(request).status_code == 405


def test_too_many_parameters_are_told_as_that_and_log_nothing(aiko: User, caplog: pytest.LogCaptureFixture) -> None:
    token = issue_service_token(name="script", scope=Scope.DECIDE, by=aiko)
    client = Client(headers={"Authorization": f"Bearer {token.text}"})

    response = client.get("/api/v1/decide?" + "&".join(["remote=x"] * 2000))

    assert (response.status_code, response.json()["code"]) == (400, "request.too_many_parameters")
    assert "1000" in response.json()["detail"]
    assert caplog.records == []


@pytest.mark.parametrize("route", [route for route in ROUTES if route.startswith("api/v1/")])
def test_every_route_refuses_by_the_one_body(route: str, aiko: User) -> None:
    token = issue_service_token(name="script", scope=Scope.ADMIN, by=aiko)
    admin = {"Authorization": f"Bearer {token.text}"}
    address, client = address_of(route), Client()

    refusals = [
        client.delete(address, headers=admin),
        client.get(address, headers={**admin, "Accept": "text/html"}),
        client.post(address, "<a/>", content_type="text/xml", headers=admin),
        client.get(f"{address}/", headers=admin),
    ]

    for refused in refusals:
        assert refused.status_code in (403, 404, 405, 406, 415), refused.content
        assert refused["Content-Type"] == CONTENT_TYPE
        assert set(refused.json()) == {"code", "detail", "field", "docs"}
        assert "Traceback" not in refused.json()["detail"]
