"""Routes of the machine API, below /api/v1/."""

from django.urls import path

from machines import api
from machines.catalogue import api as catalogue_api

app_name = "machines-api"
urlpatterns = [
    path("enrolments", api.EnrolmentsView.as_view(), name="enrolments"),
    path("enrolments/poll", api.EnrolmentPollView.as_view(), name="enrolment-poll"),
    path("reports", api.ReportsView.as_view(), name="reports"),
    path("heartbeats", api.HeartbeatsView.as_view(), name="heartbeats"),
    path("token", api.TokenView.as_view(), name="token"),
    path("benchmarks", api.BenchmarksView.as_view(), name="benchmarks"),
    path("machines", api.MachinesView.as_view(), name="machines"),
    path("machines/<slug:public_id>", api.MachineDetailView.as_view(), name="machine"),
    path("machines/<slug:public_id>/fit", catalogue_api.MachineFitView.as_view(), name="machine-fit"),
    path("fit", catalogue_api.ConfigurationFitView.as_view(), name="fit"),
]
