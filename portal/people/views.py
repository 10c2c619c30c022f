"""The list of people, and inviting them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal.accounts import invitations
from portal.accounts.access import get_person, owner_required
from portal.accounts.forms import InviteForm
from portal.common.addresses import portal_address


@never_cache
@require_http_methods(["GET", "POST"])
@owner_required
def people(request: HttpRequest) -> HttpResponse:
    form = InviteForm(request.POST or None)
    if request.method == "GET":
        return _show_people(request, form)
    if not form.is_valid():
        return _show_people(request, form, status=422)
    token = invitations.invite_person(by=get_person(request), **form.cleaned_data)
    # Shown in this answer only: the link is not stored anywhere.
    link = portal_address(request, reverse("invitation", args=[token]))
    return _show_people(request, InviteForm(), link=link, invited=form.cleaned_data["name"])


def _show_people(request: HttpRequest, form: InviteForm, *, status: int = 200, **more: str) -> HttpResponse:
    lists = {"people": invitations.list_people(), "invitations": invitations.list_open_invitations()}
    return render(request, "people/list.html", {"form": form, **lists, **more}, status=status)
