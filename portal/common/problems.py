"""One body for every error of the API: problem+json with `code, detail, field, docs`."""

import logging
import math
import random
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, TooManyFieldsSent
from django.http import Http404, JsonResponse
from rest_framework import exceptions

from portal.common.outages import is_outage, name_of
from portal.common.problem_texts import TEXTS
from routing.engine.errors import WireError

CONTENT_TYPE = "application/problem+json"
DOCS_PAGE = "/problems/"
# A range, so that all who were turned away do not come back in the same second.
RETRY_AFTER_S = (2, 6)

log = logging.getLogger(__name__)


class Problem(Exception):  # noqa: N818 - the standard calls it a problem
    """An error with a stable dotted code; raise it anywhere below an API view."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        field: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field
        self.headers = dict(headers or {})


# DRF's own exceptions, most special first.
_CODES: tuple[tuple[type[exceptions.APIException], str], ...] = (
    (exceptions.ParseError, "request.malformed"),
    (exceptions.NotAuthenticated, "token.missing"),
    (exceptions.AuthenticationFailed, "token.unknown"),
    (exceptions.PermissionDenied, "access.denied"),
    (exceptions.NotFound, "resource.not_found"),
    (exceptions.MethodNotAllowed, "method.not_allowed"),
    (exceptions.NotAcceptable, "accept.unsupported"),
    (exceptions.UnsupportedMediaType, "content_type.unsupported"),
    (exceptions.Throttled, "rate.limited"),
    (exceptions.ValidationError, "request.invalid"),
)


def problem_response(problem: Problem) -> JsonResponse:
    """The answer itself. It does not pass a renderer, so that even a 406 can be told."""
    body = {"code": problem.code, "detail": problem.detail, "field": problem.field, "docs": docs_of(problem.code)}
    return JsonResponse(body, status=problem.status, content_type=CONTENT_TYPE, headers=problem.headers)


def docs_of(code: str) -> str | None:
    """Where the portal tells about the code: an address relative to its own. None for a code that it does not know."""
    return f"{DOCS_PAGE}#{code}" if code in TEXTS else None


def handle_exception(error: Exception, context: Mapping[str, Any]) -> JsonResponse | None:
    """DRF's EXCEPTION_HANDLER. None for what nobody expected: Django logs it and answers by `server_error`."""
    if is_outage(error):
        log.warning("database.unavailable: %s", name_of(error))
        return problem_response(outage())
    problem = find_problem(error)
    return None if problem is None else problem_response(problem)


def find_problem(error: Exception) -> Problem | None:
    if isinstance(error, Problem):
        return error
    if isinstance(error, WireError):
        status = 413 if error.code == "request.too_large" else 400
        return Problem(status, error.code, error.detail, error.field or None)
    if isinstance(error, exceptions.APIException):
        return _from_rest_framework(error)
    return _from_django(error)


def outage() -> Problem:
    wait_s = random.randint(*RETRY_AFTER_S)  # noqa: S311 - no secret
    detail = "The portal's database does not answer right now. Nothing was changed; try again in a few seconds."
    return Problem(503, "database.unavailable", detail, headers={"Retry-After": str(wait_s)})


def _from_django(error: Exception) -> Problem | None:
    if isinstance(error, Http404):
        # Never what the error says: Django names the class and the columns that were looked for.
        return Problem(HTTPStatus.NOT_FOUND, "resource.not_found", "There is nothing at this address.")
    if isinstance(error, PermissionDenied):
        return Problem(HTTPStatus.FORBIDDEN, "access.denied", str(error) or "This token may not do that.")
    if isinstance(error, TooManyFieldsSent):
        detail = f"At most {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} parameters are read."
        return Problem(HTTPStatus.BAD_REQUEST, "request.too_many_parameters", detail)
    return None


def _from_rest_framework(error: exceptions.APIException) -> Problem:
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "request.refused")
    field, detail = _first_detail(error.detail)
    return Problem(error.status_code, code, detail, field, headers=_headers(error))


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(auth_header)
    if wait_s := getattr(error, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait_s))
    return headers


def _first_detail(detail: Any, field: str | None = None) -> tuple[str | None, str]:
    """Field path and sentence of the first error in DRF's nested lists and dictionaries."""
    if isinstance(detail, dict) and detail:
        key, inner = next(iter(detail.items()))
        return _first_detail(inner, f"{field}.{key}" if field else str(key))
    if isinstance(detail, list) and detail:
        return _first_detail(detail[0], field)
    return field, str(detail)
