"""Pages about people."""

from django.urls import path

from portal.people import views

urlpatterns = [
    path("people", views.people, name="people"),
]
