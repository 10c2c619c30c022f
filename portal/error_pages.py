"""Errors outside a view: problem+json below /api/, a page in words elsewhere."""

import sys
from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.utils.translation import gettext as _

from portal.common.outages import is_outage
from portal.common.problems import Problem, outage, problem_response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    detail = _("The browser sent something this portal cannot read.")
    return _answer(request, Problem(400, "request.malformed", detail), title=_("This request is malformed"))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    detail = str(exception) or _("Your role does not include this page.")
    return _answer(request, Problem(403, "access.denied", detail), title=_("Not for your role"))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    detail = _("This form is too old or came from another site. Go back, reload the page and send it again.")
    return _answer(request, Problem(403, "csrf.failed", detail), title=_("The form was not accepted"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    detail = _("There is nothing at this address, or it is not yours to see.")
    return _answer(request, Problem(404, "resource.not_found", detail), title=_("Nothing here"))


def show_not_allowed(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware. Who reloads where a form was sent to would see a page of the browser's own: Django's has no word."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not isinstance(response, HttpResponseNotAllowed) or request.path.startswith("/api/"):
            return response
        detail = _("Forms are sent to this address; it is no page to come back to.")
        page = _answer(request, Problem(405, "method.not_allowed", detail), title=_("No page of its own"))
        page["Allow"] = response["Allow"]
        return page

    return middleware


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls it while it handles the error, which is how an outage is told from a fault of ours."""
    if is_outage(sys.exception()):
        return _try_again(request, outage())
    detail = _("The portal failed at this. It is written to its log; nothing was decided.")
    return _answer(request, Problem(500, "server.error", detail), title=_("Something broke"))


def _try_again(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A page that reads nothing from the database: neither the person nor their messages."""
    if request.path.startswith("/api/"):
        return problem_response(problem)
    context = {
        "title": _("Back in a moment"),
        "detail": _(
            "The portal's database does not answer right now. Nothing was changed; try again in a few seconds."
        ),
        "status": problem.status,
        "user": AnonymousUser(),
        "messages": (),
    }
    response = render(request, "portal/error.html", context, status=problem.status)
    for name, value in problem.headers.items():
        response[name] = value
    return response


def _answer(request: HttpRequest, problem: Problem, *, title: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problem_response(problem)
    context = {"title": title, "detail": problem.detail, "status": problem.status}
    return render(request, "portal/error.html", context, status=problem.status)
