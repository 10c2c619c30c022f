"""Pages of machines."""

from django.urls import path

from machines import views

app_name = "machines"
urlpatterns = [
    path("machines/", views.show_list, name="list"),
    path("machines/add", views.add, name="add"),
    path("machines/add/<slug:public_id>", views.answer_enrolment, name="answer"),
    path("machines/<slug:public_id>/", views.show, name="detail"),
    path("machines/<slug:public_id>/adopt", views.adopt, name="adopt"),
    path("machines/<slug:public_id>/revoke", views.revoke, name="revoke"),
]
