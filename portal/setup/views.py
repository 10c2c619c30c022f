"""The first-run page behind the one-time link that `up` prints."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.setup.forms import FirstRunForm
from portal.setup.services import SetupClosed, complete_setup, is_valid_setup_token, needs_setup


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest, token: str) -> HttpResponse:
    if not is_valid_setup_token(token):
        return _closed(request)
    if request.method == "GET":
        return _show(request, FirstRunForm(initial={"language": get_language()}))
    form = FirstRunForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    try:
        owner = complete_setup(token, first_run=form.to_first_run())
    except SetupClosed:
        return _closed(request)
    login(request, owner)
    with override(owner.language):
        messages.success(request, _("The portal is set up. Now add your first Mac."))
    response = redirect("home")
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, owner.language, samesite="Lax", httponly=True)
    return response


def _show(request: HttpRequest, form: FirstRunForm, *, status: int = 200) -> HttpResponse:
    return render(request, "setup/set_up.html", {"form": form}, status=status)


def _closed(request: HttpRequest) -> HttpResponse:
    return render(request, "setup/closed.html", {"needs_setup": needs_setup()}, status=410)
