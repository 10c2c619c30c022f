"""Pages of incidents."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.access import get_person
from portal.common.htmx import live, render_page_or_part
from portal.incidents import queries
from portal.incidents.services import acknowledge
from portal.notices.queries import list_deliveries_about


@require_GET
@live
def show_list(request: HttpRequest) -> HttpResponse:
    context = {"incidents": queries.list_incidents(get_person(request))}
    return render_page_or_part(request, "incidents/list.html", context, part="rows")


@require_GET
@live
def show(request: HttpRequest, public_id: str) -> HttpResponse:
    person = get_person(request)
    incident = queries.get_incident(person, public_id)
    parts = queries.list_parts(incident, person)
    context = {
        "incident": incident,
        "parts": parts,
        "is_told": any(part.told_at for part in parts),
        "shows_all": person.can_read_all,
        "deliveries": list_deliveries_about(incident.public_id, seen_by=person),
        "can_acknowledge": queries.can_acknowledge(incident, person),
    }
    return render_page_or_part(request, "incidents/detail.html", context, part="live")


@require_POST
def confirm(request: HttpRequest, public_id: str) -> HttpResponse:
    person = get_person(request)
    incident = queries.get_incident(person, public_id)
    if not queries.can_acknowledge(incident, person):
        raise PermissionDenied(_("Somebody has looked at it, or it is not yours to look at."))
    if acknowledge(incident=incident, by=person):
        messages.success(request, _("Everybody sees now that you are looking at it."))
    return redirect("incidents:detail", public_id)
