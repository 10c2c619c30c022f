"""Every route is listed with who may use it, and a visitor really gets what the list says."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from portal.accounts.models import User

# everyone: without signing in; person: signed in; admin: owner or policy admin; owner; token: API token.
ACCESS = {
    "": "person",
    "api/v1/audit": "token",
    "api/v1/benchmarks": "token",
    "api/v1/bundle": "token",
    "api/v1/decide": "token",
    "api/v1/decisions": "token",
    "api/v1/decisions/<decision_id>": "token",
    "api/v1/enrolments": "everyone",
    "api/v1/enrolments/poll": "everyone",
    "api/v1/fit": "token",
    "api/v1/heartbeats": "token",
    "api/v1/machines": "token",
    "api/v1/machines/<public_id>": "token",
    "api/v1/machines/<public_id>/fit": "token",
    "api/v1/policy": "token",
    "api/v1/policy/revisions": "token",
    "api/v1/policy/revisions/<number>": "token",
    "api/v1/projects": "token",
    "api/v1/receipts": "token",
    "api/v1/reports": "token",
    "api/v1/requests": "token",
    "api/v1/requests/<request_id>/decline": "token",
    "api/v1/schema": "everyone",
    "api/v1/token": "token",
    "ask": "person",
    "catalogue/": "person",
    "catalogue/<name>/": "person",
    "catalogue/<name>/edit": "admin",
    "catalogue/<name>/remove": "admin",
    "catalogue/<name>/restore": "admin",
    "catalogue/new": "admin",
    "decisions/": "person",
    "decisions/<decision_id>/": "person",
    "decisions/export.csv": "person",
    "healthz": "everyone",
    "home/live": "person",
    "install/<name>": "everyone",
    "install/kirikae.sh": "everyone",
    "invitations/<token>": "everyone",
    "incidents/": "person",
    "incidents/<public_id>/": "person",
    "incidents/<public_id>/acknowledge": "person",
    "machines/": "person",
    "machines/<public_id>/": "person",
    "machines/<public_id>/adopt": "person",
    "machines/<public_id>/fit": "person",
    "machines/<public_id>/quarantine": "person",
    "machines/<public_id>/revoke": "person",
    "machines/act": "person",
    "machines/add": "person",
    "machines/add/<public_id>": "person",
    "matrix/": "person",
    "notices/": "person",
    "notices/deliveries/": "admin",
    "notices/deliveries/<public_id>/resend": "admin",
    "notices/snooze": "person",
    "notices/test": "person",
    "notices/webhooks/": "admin",
    "notices/webhooks/<public_id>/kinds": "person",
    "notices/webhooks/<public_id>/remove": "admin",
    "notices/webhooks/<public_id>/test": "person",
    "people": "owner",
    "people/<public_id>": "owner",
    "people/<public_id>/close": "owner",
    "people/<public_id>/password": "owner",
    "people/<public_id>/reopen": "owner",
    "people/<public_id>/role": "owner",
    "preferences": "everyone",
    "problems/": "everyone",
    "projects/": "person",
    "readyz": "everyone",
    "exceptions/": "person",
    "exceptions/<code>/remove": "admin",
    "exceptions/new": "admin",
    "guard/": "person",
    "guard/managed-settings.json": "person",
    "requests/": "person",
    "requests/<request_id>/decline": "admin",
    "rules/": "person",
    "rules/<code>/": "admin",
    "rules/<code>/remove": "admin",
    "rules/drafts/<draft_id>/discard": "admin",
    "rules/drafts/<draft_id>/publish": "admin",
    "rules/new": "admin",
    "setup/<token>": "everyone",
    "sign-in": "everyone",
    "sign-out": "person",
    "what-if": "person",
}


def list_routes(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        route = prefix + re.sub(r"<\w+:(\w+)>", r"<\1>", str(entry.pattern))
        if isinstance(entry, URLPattern):
            yield route
        else:
            yield from list_routes(entry, route)


ROUTES = sorted(set(list_routes(get_resolver())))


def address_of(route: str) -> str:
    filled = re.sub(r"<(\w+)>", lambda found: SAMPLES.get(found[1], "x"), route)
    return f"/{filled}"


SAMPLES = {"decision_id": "019a0000-0000-7000-8000-000000000000", "number": "1", "revision": "1"}


def test_every_route_is_listed_and_every_listed_route_exists() -> None:
    assert sorted(ACCESS) == ROUTES


@pytest.mark.django_db
@pytest.mark.parametrize("route", ROUTES)
def test_a_visitor_gets_what_the_list_says(route: str, client: Client) -> None:
    response = client.get(address_of(route))

    is_sent_to_sign_in = response.status_code == 302 and response.headers["Location"].startswith("/sign-in")
    is_refused = response.status_code in (401, 403) and b'"token.' in response.content
    found = "person" if is_sent_to_sign_in else "token" if is_refused else "everyone"
    listed = ACCESS.get(route, "not listed")
    assert found == ("person" if listed in ("admin", "owner") else listed)


@pytest.mark.parametrize("route", [route for route in ROUTES if ACCESS.get(route) in ("admin", "owner")])
def test_a_developer_is_told_in_words_that_a_page_is_for_others(
    route: str, client_of: Callable[[User], Client], ben: User
) -> None:
    response = client_of(ben).get(address_of(route))

    assert response.status_code == 403
    assert "Only an owner" in response.content.decode()
