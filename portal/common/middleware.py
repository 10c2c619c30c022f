"""Checks that belong before every view."""

from collections.abc import Callable

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
