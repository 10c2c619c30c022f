"""Pages of machines: the list, adding a Mac, and one Mac."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from machines import queries, services
from machines.catalogue.choices import SetAside
from machines.enrolment import EnrolmentOverError, approve_enrolment, deny_enrolment
from machines.fit.panels import find_panel
from machines.forms import ActForm, CodeForm, FilterForm
from machines.health import queries as health
from machines.health import standing
from machines.install import describe_install
from portal.accounts.access import admin_required, get_person
from portal.common.htmx import is_part_request, live, render_page_or_part
from portal.common.policy_head import head_of

PAGE = 100
# Each machine is a transaction of its own; more than these wait for the next press of the button.
ACTED_ON = 500


@require_GET
@live
def show_list(request: HttpRequest) -> HttpResponse:
    person = get_person(request)
    now = timezone.now()
    visible = queries.list_visible_machines(person)
    form = FilterForm(request.GET)
    page = Paginator(form.narrow(visible).with_health(), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "manageable": {machine.pk for machine in page if standing.can_manage(machine, person)},
        "form": form,
        "fleet": health.get_fleet(visible, with_history=person.can_read_all, now=now),
        "workings": health.get_workings(now=now),
        "shows_all": person.can_read_all,
        "actions": ActForm(),
    }
    return render_page_or_part(request, "machines/list.html", context, part="live")


@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """One action for the ticked machines, or for all that the filter shows; those of others stay as they are."""
    person = get_person(request)
    form = ActForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose what to do, and for which Macs."))
        return redirect("machines:list")
    chosen = form.choose(queries.list_visible_machines(person).select_related("token"))
    changed = standing.act_on_many(machines=chosen[:ACTED_ON], action=form.cleaned_data["action"], by=person)
    messages.success(
        request, ngettext("%(count)d Mac was changed.", "%(count)d Macs were changed.", changed) % {"count": changed}
    )
    return redirect("machines:list")


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
@live
def show(request: HttpRequest, public_id: str) -> HttpResponse:
    person = get_person(request)
    machine = queries.get_visible_machine(person, public_id)
    benchmarks = list(machine.benchmarks.all()[: queries.BENCHMARKS_SHOWN])
    context = {
        "machine": machine,
        "benchmarks": benchmarks,
        "is_doubted": any(one.set_aside == SetAside.IMPLAUSIBLE for one in benchmarks),
        "can_adopt": person.is_admin and machine.owner is None and not machine.is_retired,
        "health": health.get_health(machine, now=timezone.now()),
        "can_manage": standing.can_manage(machine, person),
        "fit": None if is_part_request(request) else find_panel(machine, request.GET.dict(), head=head_of(request)),
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


@require_POST
def quarantine(request: HttpRequest, public_id: str) -> HttpResponse:
    """Into quarantine, or with `release` out of it."""
    person = get_person(request)
    machine = queries.get_visible_machine(person, public_id)
    if not standing.can_manage(machine, person):
        raise PermissionDenied(_("Only its owner or an admin may do this."))
    if "release" in request.POST:
        standing.release_machine(machine=machine, by=person)
        messages.success(request, _("%(name)s is out of quarantine.") % {"name": machine.name})
    else:
        standing.quarantine_machine(machine=machine, by=person)
        messages.success(request, _("%(name)s is in quarantine: local answers only.") % {"name": machine.name})
    return redirect("machines:detail", machine.public_id)
