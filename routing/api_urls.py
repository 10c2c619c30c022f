"""Routes of routing under `/api/v1/`."""

from django.urls import path

from routing import api, api_log, api_policy, api_requests

urlpatterns = [
    path("decisions", api.DecisionsView.as_view(), name="api-decisions"),
    path("decisions/<uuid:decision_id>", api_log.DecisionView.as_view(), name="api-decision"),
    path("projects", api_log.ProjectsView.as_view(), name="api-projects"),
    path("decide", api.DecideByQueryView.as_view(), name="api-decide"),
    path("receipts", api.ReceiptsView.as_view(), name="api-receipts"),
    path("requests", api_requests.RequestsView.as_view(), name="api-requests"),
    path("requests/<slug:request_id>/decline", api_requests.DeclineView.as_view(), name="api-request-decline"),
    path("bundle", api.BundleView.as_view(), name="api-bundle"),
    path("policy", api_policy.PolicyView.as_view(), name="api-policy"),
    path("policy/revisions", api_policy.RevisionsView.as_view(), name="api-policy-revisions"),
    path("policy/revisions/<int:number>", api_policy.RevisionView.as_view(), name="api-policy-revision"),
]
