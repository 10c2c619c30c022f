"""Pages before and after sign-in."""

from django.urls import path

from portal.accounts import views

urlpatterns = [
    path("sign-in", views.SignIn.as_view(), name="sign-in"),
    path("sign-out", views.SignOut.as_view(), name="sign-out"),
    path("invitations/<str:token>", views.invitation, name="invitation"),
]
