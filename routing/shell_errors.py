"""Errors for callers who `eval` what they get: whatever went wrong, the body still defines `kirikae_client`.

A middleware, because errors are also made where no view is: a bad host, an unknown address, a crash.
"""

import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from routing.shell import CONTENT_TYPE, shell_refusal

type GetResponse = Callable[[HttpRequest], HttpResponse]


def shell_errors(get_response: GetResponse) -> GetResponse:
    """Place it first: what is nearer to the view may still turn an exception into an answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code < 400 or not _wants_shell(request):
            return response
        return _as_shell(response)

    return middleware


def _wants_shell(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/") and CONTENT_TYPE in request.headers.get("Accept", "").lower()


def _as_shell(response: HttpResponse) -> HttpResponse:
    text = shell_refusal([f"Kirikae did not decide: {_reason(response)} (HTTP {response.status_code})"])
    kept = {name: value for name, value in response.items() if name.lower() not in ("content-type", "content-length")}
    return HttpResponse(text, status=response.status_code, headers=kept, content_type=f"{CONTENT_TYPE}; charset=utf-8")


def _reason(response: HttpResponse) -> str:
    try:
        problem = json.loads(response.content)
        return f"{problem['detail']} [{problem['code']}]"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "the portal could not answer."
