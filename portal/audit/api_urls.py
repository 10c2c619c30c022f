"""Routes of the audit log under `/api/v1/`."""

from django.urls import path

from portal.audit import api

urlpatterns = [
    path("audit", api.AuditView.as_view(), name="api-audit"),
]
