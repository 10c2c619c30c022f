"""Pages of incidents."""

from django.urls import path

from portal.incidents import views

app_name = "incidents"
urlpatterns = [
    path("incidents/", views.show_list, name="list"),
    path("incidents/<slug:public_id>/", views.show, name="detail"),
    path("incidents/<slug:public_id>/acknowledge", views.confirm, name="acknowledge"),
]
