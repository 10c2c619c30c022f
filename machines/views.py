"""Pages of machines: the list, adding a Mac, and one Mac."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from machines import queries, services
from machines.enrolment import EnrolmentOverError, approve_enrolment, deny_enrolment
from machines.forms import CodeForm
from machines.health import standing
from machines.install import describe_install
from portal.accounts.access import admin_required, get_person
from portal.common.htmx import render_page_or_part


@require_GET
def show_list(request: HttpRequest) -> HttpResponse:
    person = get_person(request)
    found = queries.list_visible_machines(person).with_inventory()
    context = {"machines": found, "shows_all": person.can_read_all}
    return render_page_or_part(request, "machines/list.html", context, part="rows")


@require_GET
def add(request: HttpRequest) -> HttpResponse:
    """`?code=` comes from the link that the agent prints as well as from the form."""
    form = CodeForm(request.GET) if "code" in request.GET else CodeForm()
    enrolment = form.find_enrolment(get_person(request)) if form.is_bound else None
    context = {"form": form, "enrolment": enrolment, **describe_install(request)}
    return render(request, "machines/add.html", context, status=422 if form.errors else 200)


@require_POST
def answer_enrolment(request: HttpRequest, public_id: str) -> HttpResponse:
    try:
        enrolment = queries.get_waiting_enrolment(public_id)
        if "deny" in request.POST:
            deny_enrolment(enrolment=enrolment, by=get_person(request))
            messages.success(request, _("%(name)s was denied. It gets no token.") % {"name": enrolment.name})
            return redirect("machines:list")
        machine = approve_enrolment(enrolment=enrolment, by=get_person(request))
    except EnrolmentOverError:
        messages.error(request, _("This code is over. Run 'kirikae enrol' again on the Mac."))
        return redirect("machines:add")
    messages.success(request, _("%(name)s is approved. Waiting for its first report.") % {"name": machine.name})
    return redirect("machines:detail", machine.public_id)


@require_GET
def show(request: HttpRequest, public_id: str) -> HttpResponse:
    person = get_person(request)
    machine = queries.get_visible_machine(person, public_id)
    context = {
        "machine": machine,
        "benchmarks": machine.benchmarks.all()[: queries.BENCHMARKS_SHOWN],
        "can_adopt": person.is_admin and machine.owner is None and not machine.is_retired,
        "can_manage": standing.can_manage(machine, person),
    }
    return render_page_or_part(request, "machines/detail.html", context, part="live")


@require_POST
@admin_required
def adopt(request: HttpRequest, public_id: str) -> HttpResponse:
    machine = queries.get_visible_machine(get_person(request), public_id)
    if services.adopt_machine(machine=machine, by=get_person(request)):
        messages.success(request, _("%(name)s is yours now.") % {"name": machine.name})
    else:
        messages.error(request, _("%(name)s has an owner already.") % {"name": machine.name})
    return redirect("machines:detail", machine.public_id)


@require_POST
def revoke(request: HttpRequest, public_id: str) -> HttpResponse:
    person = get_person(request)
    machine = queries.get_visible_machine(person, public_id)
    if not standing.can_manage(machine, person):
        raise PermissionDenied(_("Only its owner or an admin may revoke a Mac."))
    standing.revoke_machine(machine=machine, by=person)
    messages.success(request, _("%(name)s is revoked. Its token is refused from now on.") % {"name": machine.name})
    return redirect("machines:detail", machine.public_id)
