"""Checks that belong before every view."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from portal.common.problems import Problem, problem_response

type GetResponse = Callable[[HttpRequest], HttpResponse]


def require_content_length(get_response: GetResponse) -> GetResponse:
    """A body of unstated length is refused with 411: WSGI would show it to the views as no body at all."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return problem_response(Problem(411, "request.length_required", "Send the body with a Content-Length."))
        return get_response(request)

    return middleware


def ignore_odd_session(get_response: GetResponse) -> GetResponse:
    """A session's key has letters and digits. PostgreSQL answers a NUL in it by an error instead of no row."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.COOKIES.get(settings.SESSION_COOKIE_NAME, "").isalnum():
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        return get_response(request)

    return middleware
