"""Pages of machines."""

from django.urls import path

from machines import install, views
from machines.catalogue import views as catalogue
from machines.fit.views import show_machine_fit, show_what_if

app_name = "machines"
urlpatterns = [
    path("install/kirikae.sh", install.show_script, name="install-script"),
    path("install/<str:name>", install.send_wheel, name="install-wheel"),
    path("machines/", views.show_list, name="list"),
    path("machines/act", views.act, name="act"),
    path("machines/add", views.add, name="add"),
    path("machines/add/<slug:public_id>", views.answer_enrolment, name="answer"),
    path("machines/<slug:public_id>/", views.show, name="detail"),
    path("machines/<slug:public_id>/fit", show_machine_fit, name="fit"),
    path("machines/<slug:public_id>/adopt", views.adopt, name="adopt"),
    path("machines/<slug:public_id>/quarantine", views.quarantine, name="quarantine"),
    path("machines/<slug:public_id>/revoke", views.revoke, name="revoke"),
    path("catalogue/", catalogue.show_catalogue, name="catalogue"),
    path("catalogue/new", catalogue.add_model, name="model-new"),
    path("catalogue/<str:name>/", catalogue.show_model, name="model"),
    path("catalogue/<str:name>/edit", catalogue.edit_model, name="model-edit"),
    path("catalogue/<str:name>/remove", catalogue.remove_model, name="model-remove"),
    path("catalogue/<str:name>/restore", catalogue.restore_model, name="model-restore"),
    path("what-if", show_what_if, name="what-if"),
]
