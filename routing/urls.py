"""Pages of this app."""

from django.urls import path

from routing import exception_pages, guard_pages, pages, rule_pages

app_name = "routing"
urlpatterns = [
    path("rules/", rule_pages.rules_list, name="rules"),
    path("rules/new", rule_pages.rule_new, name="rule-new"),
    path("rules/<slug:code>/", rule_pages.rule_edit, name="rule"),
    path("rules/<slug:code>/remove", rule_pages.rule_remove, name="rule-remove"),
    path("rules/drafts/<slug:draft_id>/publish", rule_pages.draft_publish, name="draft-publish"),
    path("rules/drafts/<slug:draft_id>/discard", rule_pages.draft_discard, name="draft-discard"),
    path("exceptions/", exception_pages.exceptions_list, name="exceptions"),
    path("exceptions/new", exception_pages.exception_new, name="exception-new"),
    path("exceptions/<slug:code>/remove", exception_pages.exception_remove, name="exception-remove"),
    path("requests/", pages.requests, name="requests"),
    path("requests/<slug:request_id>/decline", pages.request_decline, name="request-decline"),
    path("guard/", guard_pages.guard, name="guard"),
    path("guard/managed-settings.json", guard_pages.managed_settings_file, name="managed-settings"),
    path("matrix/", pages.matrix, name="matrix"),
    path("projects/", pages.projects, name="projects"),
    path("decisions/", pages.decisions, name="decisions"),
    path("decisions/export.csv", pages.decisions_export, name="decisions-export"),
    path("decisions/<uuid:decision_id>/", pages.decision, name="decision"),
]
