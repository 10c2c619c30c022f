"""Pages of machines."""

from django.urls import path

from machines import install, views

app_name = "machines"
urlpatterns = [
    path("install/kirikae.sh", install.show_script, name="install-script"),
    path("install/<str:name>", install.send_wheel, name="install-wheel"),
    path("machines/", views.show_list, name="list"),
    path("machines/act", views.act, name="act"),
    path("machines/add", views.add, name="add"),
    path("machines/add/<slug:public_id>", views.answer_enrolment, name="answer"),
    path("machines/<slug:public_id>/", views.show, name="detail"),
    path("machines/<slug:public_id>/adopt", views.adopt, name="adopt"),
    path("machines/<slug:public_id>/quarantine", views.quarantine, name="quarantine"),
    path("machines/<slug:public_id>/revoke", views.revoke, name="revoke"),
]
