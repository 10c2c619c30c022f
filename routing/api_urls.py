"""Routes of routing under `/api/v1/`."""

from django.urls import path

from routing import api

urlpatterns = [
    path("bundle", api.BundleView.as_view(), name="api-bundle"),
]
