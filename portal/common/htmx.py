"""One page, one template: htmx gets the part it asked for, everybody else the whole page."""

import hashlib
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.http import quote_etag


def is_part_request(request: HttpRequest) -> bool:
    """Boosted links and restored history need the whole page, although htmx asks for them."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and "HX-Boosted" not in headers
        and "HX-History-Restore-Request" not in headers
    )


def render_page_or_part(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, part: str, status: int = 200
) -> HttpResponse:
    """`part` names a `{% partialdef %}` of the template. A form with errors is status 422."""
    name = f"{template}#{part}" if is_part_request(request) else template
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def live[**P](
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """For views whose part is asked for again and again: a part that has not changed is a 304 without a body."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if not is_part_request(request) or response.status_code != 200:
            return response
        etag = quote_etag(hashlib.sha256(response.content).hexdigest()[:32])
        response.headers["ETag"] = etag
        # The browser keeps the part and asks each time whether it still holds.
        patch_cache_control(response, private=True, no_cache=True)
        unchanged = get_conditional_response(request, etag=etag, response=response)
        return response if unchanged is None else unchanged

    return answer
