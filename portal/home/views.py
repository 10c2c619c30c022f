"""The page people land on: what to do next, then their machines, decisions and the ask box."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.access import get_person
from portal.accounts.models import User
from portal.common.htmx import render_page_or_part
from portal.home.forms import AskForm
from portal.home.queries import get_overview, list_machines_to_ask_for, list_task_choices
from routing.engine.errors import EngineError
from routing.engine.wire import request_from_document
from routing.services import decide_and_log

TEMPLATE = "portal/home.html"


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    return _show(request, _ask_form(get_person(request)))


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    person = get_person(request)
    form = _ask_form(person, request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    try:
        answer = decide_and_log(
            request=request_from_document(form.to_document()),
            by=person,
            token=None,
            machine=form.machine_asked_for,
            language=_language(),
        )
    except EngineError as error:
        form.add_error(None, error.detail)
        return _show(request, form, status=422)
    return _show(request, form, answer=answer, machine=form.machine_asked_for)


def _ask_form(person: User, data: Any = None) -> AskForm:
    machines = list(list_machines_to_ask_for(person))
    own = next((machine.public_id for machine in machines if machine.owner_id == person.pk), "")
    return AskForm(data, tasks=list_task_choices(_language()), machines=machines, initial={"machine": own})


def _show(request: HttpRequest, form: AskForm, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {"form": form, "overview": get_overview(get_person(request), language=_language()), **more}
    return render_page_or_part(request, TEMPLATE, context, part="answer", status=status)


def _language() -> str:
    return get_language() or "en"
