"""The list of people with the form to invite them, and the page of one person."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from machines.queries import list_machines_in_use_by
from portal.accounts import invitations
from portal.accounts.access import get_person, owner_required
from portal.accounts.forms import InviteForm
from portal.accounts.models import Role, User
from portal.common.addresses import portal_address
from portal.people import services
from portal.people.forms import RoleForm


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
    return _show_people(request, InviteForm(), link=_link(request, token), invited=form.cleaned_data["name"])


@never_cache
@owner_required
@require_GET
def show_person(request: HttpRequest, public_id: str) -> HttpResponse:
    found = get_object_or_404(User, public_id=public_id)
    return _show_person(request, found)


@never_cache
@owner_required
@require_POST
def make_password_link(request: HttpRequest, public_id: str) -> HttpResponse:
    found = get_object_or_404(User, public_id=public_id)
    try:
        token = invitations.make_password_link(person=found, by=get_person(request))
    except invitations.InvitationClosed:
        messages.error(request, _("The account is closed. Open it again first."))
        return redirect("person", found.public_id)
    return _show_person(request, found, link=_link(request, token))


@owner_required
@require_POST
def give_role(request: HttpRequest, public_id: str) -> HttpResponse:
    found = get_object_or_404(User, public_id=public_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _show_person(request, found, form=form, status=422)
    wanted = form.cleaned_data["role"]
    try:
        services.give_role(person=found, role=wanted, by=get_person(request))
    except services.LastOwner:
        return _refuse_last_owner(request, found)
    messages.success(request, _("Saved."))
    is_out = found == request.user and wanted != Role.OWNER
    return redirect("home") if is_out else redirect("person", found.public_id)


@owner_required
@require_POST
def close(request: HttpRequest, public_id: str) -> HttpResponse:
    found = get_object_or_404(User, public_id=public_id)
    try:
        services.close_account(person=found, by=get_person(request))
    except services.LastOwner:
        return _refuse_last_owner(request, found)
    messages.success(request, _("The account of %(name)s is closed.") % {"name": found.name})
    # Whoever closed their own is led to the sign-in from there.
    return redirect("people")


@owner_required
@require_POST
def reopen(request: HttpRequest, public_id: str) -> HttpResponse:
    found = get_object_or_404(User, public_id=public_id)
    services.reopen_account(person=found, by=get_person(request))
    messages.success(request, _("The account of %(name)s is open again.") % {"name": found.name})
    return redirect("person", found.public_id)


def _refuse_last_owner(request: HttpRequest, person: User) -> HttpResponse:
    told = _("%(name)s is the only owner. Make another person an owner first.")
    messages.error(request, told % {"name": person.name})
    return redirect("person", person.public_id)


def _link(request: HttpRequest, token: str) -> str:
    """Shown in one answer only: it is not stored anywhere."""
    return portal_address(request, reverse("invitation", args=[token]))


def _show_people(request: HttpRequest, form: InviteForm, *, status: int = 200, **more: str) -> HttpResponse:
    lists = {"people": invitations.list_people(), "invitations": invitations.list_open_invitations()}
    return render(request, "people/list.html", {"form": form, **lists, **more}, status=status)


def _show_person(
    request: HttpRequest, person: User, *, form: RoleForm | None = None, link: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "person": person,
        "form": form or RoleForm(initial={"role": person.role}),
        "link": link,
        "is_last_owner": services.is_last_owner(person),
        "machines": list_machines_in_use_by(person),
    }
    return render(request, "people/person.html", context, status=status)
