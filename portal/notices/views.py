"""Pages of notices: what one is told of, the webhooks, and the outbox."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.access import admin_required, get_person
from portal.common.htmx import live, render_page_or_part
from portal.common.policy_head import get_head, zone_of
from portal.notices import choices, destinations, queries, services
from portal.notices.forms import ChoiceForm, DestinationForm, KindsForm, SnoozeForm
from portal.notices.models import Destination


@require_http_methods(["GET", "POST"])
@live
def show(request: HttpRequest) -> HttpResponse:
    """What one is told of; a POST changes it."""
    person = get_person(request)
    choice = choices.find_choice(person)
    form = ChoiceForm(request.POST or None, person=person, choice=choice)
    if request.method == "POST" and form.is_valid():
        choices.choose(wishes=form.wishes, by=person)
        messages.success(request, _("Saved."))
        return redirect("notices:own")
    own, head = queries.list_own_destinations(person), get_head()
    context = {
        "form": form,
        "snooze_form": SnoozeForm(),
        "snoozed_until": choice.snoozed_until if choices.is_snoozed(choice) else None,
        "webhooks": [(one, KindsForm(destination=one, person=person)) for one in own],
        "deliveries": queries.list_own_deliveries(person),
        "has_mail": services.can_send_mail(head),
        "zone": zone_of(head),
    }
    status = 422 if form.errors else 200
    return render_page_or_part(request, "notices/own.html", context, part="log", status=status)


@require_POST
def snooze(request: HttpRequest) -> HttpResponse:
    form = SnoozeForm(request.POST)
    if "end" in request.POST:
        choices.snooze(until=None, by=get_person(request))
    elif form.is_valid():
        choices.snooze(until=form.until, by=get_person(request))
    return redirect("notices:own")


@require_POST
def send_test(request: HttpRequest) -> HttpResponse:
    _tell_of_test(request, is_on_its_way=choices.send_test_mail(by=get_person(request)) is not None)
    return redirect("notices:own")


@never_cache
@sensitive_post_parameters("url")
@require_http_methods(["GET", "POST"])
@admin_required
def show_webhooks(request: HttpRequest) -> HttpResponse:
    person = get_person(request)
    form = DestinationForm(request.POST or None, by=person)
    if request.method == "GET" or not form.is_valid():
        return _render_webhooks(request, form, status=422 if form.errors else 200)
    destination, secret = destinations.add_destination(wanted=form.wanted, by=person)
    # Shown in this answer only.
    return _render_webhooks(request, DestinationForm(by=person), added=destination, secret=secret)


@admin_required
@require_POST
def remove_webhook(request: HttpRequest, public_id: str) -> HttpResponse:
    person = get_person(request)
    destination = queries.get_destination(public_id, used_by=person)
    destinations.remove_destination(destination=destination, by=person)
    messages.success(request, _("%(name)s is removed. Nothing more is sent there.") % {"name": destination.name})
    return redirect("notices:webhooks")


@require_POST
def test_webhook(request: HttpRequest, public_id: str) -> HttpResponse:
    person = get_person(request)
    destination = queries.get_destination(public_id, used_by=person)
    notice = choices.send_test_to(destination=destination, by=person)
    _tell_of_test(request, is_on_its_way=notice is not None)
    return _back(request)


@require_POST
def choose_for_webhook(request: HttpRequest, public_id: str) -> HttpResponse:
    person = get_person(request)
    destination = queries.get_destination(public_id, used_by=person)
    form = KindsForm(request.POST, destination=destination, person=person)
    if form.is_valid():
        destinations.choose_kinds(destination=destination, kinds=form.cleaned_data["kinds"], by=person)
        messages.success(request, _("Saved."))
    return _back(request)


@admin_required
@require_GET
@live
def show_deliveries(request: HttpRequest) -> HttpResponse:
    is_dead_only = "dead" in request.GET
    context = {
        "deliveries": queries.list_deliveries(is_dead_only=is_dead_only),
        "is_dead_only": is_dead_only,
        "depth": queries.measure_depth(),
    }
    return render_page_or_part(request, "notices/deliveries.html", context, part="rows")


@admin_required
@require_POST
def resend(request: HttpRequest, public_id: str) -> HttpResponse:
    delivery = queries.get_dead_delivery(public_id)
    if services.resend(delivery=delivery, by=get_person(request)):
        messages.success(request, _("It is on its way again."))
    return redirect("notices:deliveries")


def _tell_of_test(request: HttpRequest, *, is_on_its_way: bool) -> None:
    if is_on_its_way:
        messages.success(request, _("The test is on its way. Look below whether it was taken."))
    else:
        messages.error(request, _("A test was sent a moment ago. Wait a minute."))


def _back(request: HttpRequest) -> HttpResponse:
    """An admin comes from the page of all webhooks, others from their own."""
    return redirect("notices:webhooks" if get_person(request).is_admin else "notices:own")


def _render_webhooks(
    request: HttpRequest,
    form: DestinationForm,
    *,
    status: int = 200,
    added: Destination | None = None,
    secret: str = "",
) -> HttpResponse:
    person = get_person(request)
    rows = [(one, KindsForm(destination=one, person=person)) for one in queries.list_destinations()]
    context = {"form": form, "webhooks": rows, "added": added, "secret": secret}
    return render(request, "notices/webhooks.html", context, status=status)
