"""One page, one template: htmx gets the part it asked for, everybody else the whole page."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


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
