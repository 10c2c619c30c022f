"""Routes of routing under `/api/v1/`."""

from django.urls import path

from routing import api

urlpatterns = [
    path("decisions", api.DecisionsView.as_view(), name="api-decisions"),
    path("decide", api.DecideByQueryView.as_view(), name="api-decide"),
    path("receipts", api.ReceiptsView.as_view(), name="api-receipts"),
    path("requests", api.RequestsView.as_view(), name="api-requests"),
    path("bundle", api.BundleView.as_view(), name="api-bundle"),
]
