"""Pages of the catalogue: the list, one model across the fleet, and changing either."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from machines.catalogue import queries, services
from machines.catalogue.chart import chart_of
from machines.catalogue.claims import claims_of, list_claims
from machines.catalogue.coverage import coverage_of
from machines.catalogue.forms import CatalogueFilter, EntryForm
from machines.catalogue.missing import list_wanted
from machines.catalogue.rules import rules_of
from machines.fit.forms import FitForm, read_form
from portal.accounts.access import admin_required, get_person
from portal.common.htmx import is_part_request, render_page_or_part
from portal.common.policy_head import head_of
from portal.common.problems import Problem


@require_GET
def show_catalogue(request: HttpRequest) -> HttpResponse:
    person, rules = get_person(request), rules_of(head_of(request))
    form = CatalogueFilter(request.GET)
    entries = queries.list_entries()
    context = {
        "form": form,
        "entries": form.narrow(entries),
        "total": len(entries),
        "claims": list_claims(),
        "rules": rules,
        "wanted": [] if is_part_request(request) else list_wanted(entries, person, rules),
        "can_edit": person.is_admin,
    }
    return render_page_or_part(request, "catalogue/list.html", context, part="rows")


@require_GET
def show_model(request: HttpRequest, name: str) -> HttpResponse:
    person = get_person(request)
    entry = queries.get_entry(name)
    form = read_form(FitForm, request.GET.dict())
    rules = rules_of(head_of(request))
    coverage = coverage_of(entry, person, form.question, rules=rules)
    shown = next((one for one in coverage.covered if one.machine.public_id == request.GET.get("mac")), None)
    measured = {run.machine.pk for run in coverage.runs if not run.set_aside}
    shown = shown or next((one for one in coverage.covered if one.machine.pk in measured), None)
    shown = shown or next((one for one in coverage.covered if one.line.row.is_installed), None)
    shown = shown or next((one for one in coverage.covered if not one.line.is_dim), None)
    runs = [run for run in coverage.runs if shown and run.machine == shown.machine]
    context = {
        "entry": entry,
        "form": form,
        "claims": claims_of(entry.name),
        "forbidden_by": rules.forbidding_any(entry.name, *entry.model.aliases),
        "wanted": next(iter(list_wanted([entry], person, rules)), None),
        "coverage": coverage,
        "chart": chart_of(shown, entry, form.question, runs) if shown else None,
        "can_edit": person.is_admin,
    }
    return render_page_or_part(request, "catalogue/model.html", context, part="fleet")


@admin_required
@require_http_methods(["GET", "POST"])
def add_model(request: HttpRequest) -> HttpResponse:
    form = EntryForm(request.POST) if request.method == "POST" else EntryForm()
    if form.is_bound and form.is_valid():
        if queries.find_entry(form.entry.name) is None:
            return _save(request, form)
        form.add_error("name", _("The catalogue has a model of this name already."))
    return render(request, "catalogue/form.html", {"form": form}, status=422 if form.errors else 200)


@admin_required
@require_http_methods(["GET", "POST"])
def edit_model(request: HttpRequest, name: str) -> HttpResponse:
    entry = queries.get_entry(name)
    form = EntryForm({**request.POST.dict(), "name": name}) if request.method == "POST" else EntryForm.of(entry)
    form.fields["name"].widget.attrs["readonly"] = True
    if form.is_bound and form.is_valid():
        return _save(request, form)
    return render(request, "catalogue/form.html", {"form": form, "entry": entry}, status=422 if form.errors else 200)


@admin_required
@require_POST
def remove_model(request: HttpRequest, name: str) -> HttpResponse:
    entry = queries.get_entry(name)
    services.remove_entry(name=name, by=get_person(request))
    messages.success(request, _("%(title)s is out of the catalogue.") % {"title": entry.model.title})
    return redirect("machines:catalogue")


@admin_required
@require_POST
def restore_model(request: HttpRequest, name: str) -> HttpResponse:
    """As it was shipped."""
    try:
        services.restore_entry(name=name, by=get_person(request))
    except Problem:
        messages.error(request, _("Nothing was changed of this model."))
        return redirect("machines:catalogue")
    messages.success(request, _("The model is as it was shipped."))
    return redirect("machines:model", name)


def _save(request: HttpRequest, form: EntryForm) -> HttpResponse:
    changed = services.save_entries(entries=[form.entry], by=get_person(request))
    if changed:
        title = form.entry.model.title
        messages.success(request, _("%(title)s is saved. Macs get it with their next policy.") % {"title": title})
    else:
        messages.info(request, _("Nothing was different."))
    return redirect("machines:model", form.entry.name)
