"""Sign-in and sign-out: Django's own views in our clothes."""

from django.contrib.auth.views import LoginView, LogoutView

from portal.accounts.forms import SignInForm


class SignIn(LoginView):
    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class SignOut(LogoutView):
    pass
