"""Pages about people."""

from django.urls import path

from portal.people import views

urlpatterns = [
    path("people", views.people, name="people"),
    path("people/<slug:public_id>", views.show_person, name="person"),
    path("people/<slug:public_id>/role", views.give_role, name="person-role"),
    path("people/<slug:public_id>/password", views.make_password_link, name="person-password"),
    path("people/<slug:public_id>/close", views.close, name="person-close"),
    path("people/<slug:public_id>/reopen", views.reopen, name="person-reopen"),
]
