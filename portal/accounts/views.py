"""Sign-in and sign-out in Django's own views; the page behind a link to join or to set a new password."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.accounts import invitations
from portal.accounts.forms import PasswordForm, SignInForm
from portal.accounts.models import Invitation, User


class SignIn(LoginView):
    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(is_set_up=User.objects.exists(), **kwargs)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


class SignOut(LogoutView):
    pass


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    found = invitations.find_invitation(token)
    if found is None:
        return render(request, "accounts/invitation_closed.html", status=410)
    form = PasswordForm(request.POST or None, invitation=found)
    if not form.is_valid():
        status = 200 if request.method == "GET" else 422
        return render(request, "accounts/invitation.html", {"form": form, "invitation": found}, status=status)
    try:
        person = _use(found, token=token, password=form.cleaned_data["password"])
    except invitations.InvitationClosed:
        return render(request, "accounts/invitation_closed.html", status=410)
    login(request, person)
    told = _("Your new password is set.") if found.person_id else _("Welcome. Now add your Mac.")
    messages.success(request, told)
    return redirect("home")


def _use(found: Invitation, *, token: str, password: str) -> User:
    """Raises InvitationClosed."""
    if found.person_id:
        return invitations.set_new_password(token=token, password=password)
    return invitations.accept_invitation(token=token, password=password, language=get_language() or "en")
