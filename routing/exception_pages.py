"""Pages of the exceptions: the list, and the form, which may start from what a developer asked for."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.access import admin_required, get_person
from portal.common.engine_words import problems_in_words
from portal.common.policy_head import get_zone
from routing import exceptions, inbox, rules, wording
from routing.asked import RequestClosedError, find_asked
from routing.drafts import DraftRefusedError
from routing.engine.errors import PolicyErrors
from routing.exception_form import ExceptionForm
from routing.inbox_models import PolicyRequest
from routing.models import PolicyRevision

# Long enough to finish the work, short enough that somebody looks again.
USUAL_DAYS = 30


@require_GET
def exceptions_list(request: HttpRequest) -> HttpResponse:
    person = get_person(request)
    today, language = timezone.now().astimezone(get_zone()).date(), wording.language_of_reader()
    rows = [wording.exception_in_words(one, language, today=today) for one in exceptions.list_exceptions(person)]
    return render(request, "routing/exceptions.html", {"exceptions": rows, "can_edit": person.is_admin})


@admin_required
@require_http_methods(["GET", "POST"])
def exception_new(request: HttpRequest) -> HttpResponse:
    """With `?request=` the form starts from what a developer asked for; publishing it, or its draft, answers them."""
    asked = find_asked(request)
    holding = exceptions.list_holding(asked.named_remotes) if asked else []
    form = ExceptionForm(
        request.POST or None,
        rules=rules.list_rules(get_person(request)),
        machine=asked.machine if asked else None,
        initial=_initial(asked, holding),
    )
    if request.method == "POST" and form.is_valid():
        try:
            return _keep(request, form, asked)
        except PolicyErrors as error:
            form.add_problems(error.problems, path=exceptions.path_of_new_exception())
        except DraftRefusedError as refused:
            form.add_error(None, str(refused))
        except RequestClosedError:
            form.add_error(None, _("This request was answered meanwhile. Publish again if it is still wanted."))
    context = {
        "form": form,
        "asked": asked,
        "holding": holding,
        "is_for_a_request": "request" in request.GET and not form.non_field_errors(),
    }
    return render(request, "routing/exception_form.html", context, status=422 if form.errors else 200)


@admin_required
@require_POST
def exception_remove(request: HttpRequest, code: str) -> HttpResponse:
    try:
        return _published(request, exceptions.remove_exception(code=code, by=get_person(request)))
    except PolicyErrors as error:
        messages.error(request, problems_in_words(error.problems))
        return redirect("routing:exceptions")


def _initial(asked: PolicyRequest | None, holding: list[str]) -> dict[str, Any]:
    expires = timezone.now().astimezone(get_zone()).date() + timedelta(days=USUAL_DAYS)
    if asked is None:
        return {"expires": expires}
    return inbox.initial_exception(asked) | {"expires": expires, "rule": holding[0] if holding else ""}


def _keep(request: HttpRequest, form: ExceptionForm, asked: PolicyRequest | None) -> HttpResponse:
    """Raises PolicyErrors, DraftRefusedError and RequestClosedError."""
    by = get_person(request)
    exception = form.as_exception(owner=by.name)
    if "draft" in request.POST:
        draft = exceptions.draft_exception(exception=exception, by=by, request=asked)
        messages.success(request, _("The draft %(title)s is saved. It is not in force.") % {"title": draft.title})
        return redirect("routing:rules")
    if "request" not in request.GET:
        return _published(request, exceptions.add_exception(exception=exception, by=by))
    if asked is None:
        raise RequestClosedError
    try:
        revision = inbox.answer_with_exception(public_id=asked.public_id, exception=exception, by=by)
    except Http404 as gone:
        raise RequestClosedError from gone
    return _published(request, revision)


def _published(request: HttpRequest, revision: PolicyRevision) -> HttpResponse:
    messages.success(request, _("Policy r%(number)s is published and in force.") % {"number": revision.number})
    return redirect("routing:exceptions")
