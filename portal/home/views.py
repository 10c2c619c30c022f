"""The page people land on: today's figures, the ask box, what waits, one's machines and the newest decisions."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.access import get_person
from portal.accounts.models import User
from portal.common.htmx import is_part_request, live, render_page_or_part
from portal.home.desk import find_desk
from portal.home.forms import AskForm
from portal.home.news import find_policy_news
from portal.home.queries import get_live, list_machines_to_ask_for, list_recent_remotes, list_task_choices
from routing.engine.errors import EngineError
from routing.engine.wire import request_from_document
from routing.services import decide_and_log
from routing.wording import localised

TEMPLATE = "portal/home.html"


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    return _show(request, _ask_form(get_person(request)))


@require_GET
@live
def home_live(request: HttpRequest) -> HttpResponse:
    """The parts of the page that move, for htmx alone."""
    if not is_part_request(request):
        return redirect("home")
    found = get_live(get_person(request), language=_language(), now=timezone.now())
    return render(request, "portal/_home_live.html", {"live": found})


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
    told = localised(answer, _language(), tasks=dict(list_task_choices(_language())))
    return _show(request, form, answer=told, machine=form.machine_asked_for)


def _ask_form(person: User, data: Any = None) -> AskForm:
    machines = list_machines_to_ask_for(person)
    own = next((machine.public_id for machine in machines if machine.owner_id == person.pk), "")
    return AskForm(data, tasks=list_task_choices(_language()), machines=machines, initial={"machine": own})


def _show(request: HttpRequest, form: AskForm, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {"form": form, **more}
    if not is_part_request(request):
        context |= _whole_page(get_person(request))
    return render_page_or_part(request, TEMPLATE, context, part="answer", status=status)


def _whole_page(person: User) -> dict[str, Any]:
    now = timezone.now()
    return {
        "live": get_live(person, language=_language(), now=now),
        "desk": find_desk(person, now=now),
        "news": find_policy_news(person, now=now),
        "remotes": list_recent_remotes(person),
    }


def _language() -> str:
    return get_language() or "en"
