"""All routes of the portal."""

from django.urls import URLPattern, URLResolver, include, path

from portal.api_schema import SchemaView
from portal.health.views import healthz, readyz
from portal.home.views import ask, home, home_live
from portal.preferences import preferences
from portal.problem_pages import problems
from portal.setup.views import set_up

handler400 = "portal.error_pages.bad_request"
handler403 = "portal.error_pages.permission_denied"
handler404 = "portal.error_pages.not_found"
handler500 = "portal.error_pages.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("home/live", home_live, name="home-live"),
    path("ask", ask, name="ask"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("problems/", problems, name="problems"),
    path("preferences", preferences, name="preferences"),
    path("setup/<str:token>", set_up, name="setup"),
    path("", include("portal.accounts.urls")),
    path("", include("portal.people.urls")),
    path("", include("portal.notices.urls")),
    path("", include("portal.incidents.urls")),
    path("", include("machines.urls")),
    path("", include("routing.urls")),
    path("api/v1/schema", SchemaView.as_view(), name="api-schema"),
    path("api/v1/", include("portal.audit.api_urls")),
    path("api/v1/", include("machines.api_urls")),
    path("api/v1/", include("routing.api_urls")),
]
