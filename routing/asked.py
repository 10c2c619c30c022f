"""Forms that answer a developer's request: which request, and one that somebody else answered meanwhile."""

from django.http import Http404, HttpRequest

from routing import inbox
from routing.inbox_models import PolicyRequest


class RequestClosedError(Exception):
    """Another admin answered the request that the form was begun for."""


def find_asked(request: HttpRequest) -> PolicyRequest | None:
    """A form that was begun before the request was answered is not lost: sending it says so."""
    if "request" not in request.GET:
        return None
    try:
        return inbox.get_waiting(request.GET["request"])
    except Http404:
        if request.method == "POST":
            return None
        raise
