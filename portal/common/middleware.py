"""Checks that belong before every view, and what belongs after each page."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.shortcuts import resolve_url
from django.utils import timezone

from portal.common.htmx import is_part_request
from portal.common.policy_head import get_head, zone_of
from portal.common.problems import Problem, problem_response

type GetResponse = Callable[[HttpRequest], HttpResponse]
type View = Callable[..., HttpResponse]


def refuse_unreadable_body(get_response: GetResponse) -> GetResponse:
    """Before a view takes it for something else: WSGI shows a body of unstated length as none at all (411), and nothing
    here unpacks a body (415).
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return problem_response(Problem(411, "request.length_required", "Send the body with a Content-Length."))
        if is_encoded(request.META):
            detail = "The body is not unpacked here. Send it as it is, without Content-Encoding."
            return problem_response(Problem(415, "request.encoded", detail))
        return get_response(request)

    return middleware


def is_encoded(environ: Mapping[str, Any]) -> bool:
    """`identity` says that it is not; a body that is only called encoded is refused as well."""
    return environ.get("HTTP_CONTENT_ENCODING", "").strip().lower() not in ("", "identity")


def ignore_odd_session(get_response: GetResponse) -> GetResponse:
    """A session's key has letters and digits. PostgreSQL answers a NUL in it by an error instead of no row."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.COOKIES.get(settings.SESSION_COOKIE_NAME, "").isalnum():
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        return get_response(request)

    return middleware


class SignInRequired(LoginRequiredMiddleware):
    """Django's, for sessions that end while a page is open.

    htmx would put the whole sign-in page into a part of the page, and an address that only takes forms is none to come
    back to: then people come back to the page on which they were.
    """

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        is_part = is_part_request(request)
        if request.method in ("GET", "HEAD") and not is_part:
            return super().handle_no_permission(request, view_func)
        query = QueryDict(mutable=True)
        query.update({"ended": "1", "next": _page_before(request)})
        address = f"{resolve_url(settings.LOGIN_URL)}?{query.urlencode(safe='/')}"
        answer = HttpResponseRedirect(address, status=401 if is_part else 303)
        if is_part:
            answer["HX-Redirect"] = address
        return answer


def _page_before(request: HttpRequest) -> str:
    """Path and query alone, so that no other host is ever named."""
    before = urlsplit(request.headers.get("Referer", ""))
    path = f"/{before.path.lstrip('/')}"
    return f"{path}?{before.query}" if before.query else path


# Characters that turn the direction of what follows: a name with one shows as another name.
_TURNING = [chr(code).encode() for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
_SHOWN = "\N{REPLACEMENT CHARACTER}".encode()


def show_turning_characters(get_response: GetResponse) -> GetResponse:
    """Names come from machines, runtimes and repositories. On pages, none of them looks like what it is not."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not response.streaming and response.get("Content-Type", "").startswith("text/html"):
            for character in _TURNING:
                response.content = response.content.replace(character, _SHOWN)
        return response

    return middleware


class OrganisationTime:
    """Pages tell and take times in the organisation's zone, of the policy in force.

    Only the pages of people who have signed in: the API always says UTC, and /healthz needs no database. Costs no query
    of its own: the side column of each page shows the same row.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(None):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, view: View, _args: object, _options: object) -> None:
        if getattr(view, "login_required", True):
            head = get_head()
            request.policy_head = head  # type: ignore[attr-defined] # read by the context processor of the shell
            timezone.activate(zone_of(head))
