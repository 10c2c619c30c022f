"""Pages about what a Mac can run: a part of the machine's page, and Macs that nobody has yet."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from machines import queries
from machines.fit.panels import find_panel
from machines.fit.what_if import what_if
from portal.accounts.access import get_person
from portal.common.htmx import is_part_request, render_page_or_part
from portal.common.policy_head import head_of


@require_GET
def show_machine_fit(request: HttpRequest, public_id: str) -> HttpResponse:
    """The results under the slider, for htmx; everybody else gets the page that they stand on."""
    machine = queries.get_visible_machine(get_person(request), public_id)
    page = reverse("machines:detail", args=[machine.public_id])
    panel = find_panel(machine, request.GET.dict(), head=head_of(request)) if is_part_request(request) else None
    address = f"{page}?{panel.form.query}".rstrip("?") if panel else f"{page}?{request.GET.urlencode()}#fit"
    if panel is None:
        return redirect(address)
    response = render(request, "machines/fit.html#results", {"machine": machine, "fit": panel})
    # So that reloading or sending the address shows the same table.
    response["HX-Replace-Url"] = address
    return response


@require_GET
def show_what_if(request: HttpRequest) -> HttpResponse:
    """The address holds all that was chosen, so a comparison can be sent to whoever pays."""
    return render_page_or_part(
        request, "fit/what_if.html", {"what_if": what_if(request.GET.dict(), head=head_of(request))}, part="results"
    )
