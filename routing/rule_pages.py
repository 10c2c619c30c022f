"""Pages of the NDA rules: the list with drafts and history, and the form with a look at what a rule would hit."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.access import admin_required, get_person
from portal.accounts.models import User
from portal.common.engine_words import problems_in_words
from portal.common.htmx import render_page_or_part
from routing import drafts, inbox, rules, wording
from routing.asked import RequestClosedError, find_asked
from routing.draft_models import PolicyDraft
from routing.drafts import DraftRefusedError
from routing.engine.errors import PolicyErrors
from routing.forms import RuleForm, digest_of_rule, initial_of
from routing.inbox_models import PolicyRequest
from routing.models import PolicyRevision
from routing.rule_preview import preview_rule

RULES_SHOWN = 100
DRAFTS_SHOWN = 10


@require_GET
def rules_list(request: HttpRequest) -> HttpResponse:
    person = get_person(request)
    wanted = request.GET.get("q", "").strip()
    today, language = timezone.now().date(), wording.language_of_reader()
    found = [wording.rule_in_words(rule, language, today=today) for rule in rules.find_rules(person, wanted)]
    context = {
        "page": Paginator(found, RULES_SHOWN).get_page(request.GET.get("page")),
        "wanted": wanted,
        "query": f"{urlencode({'q': wanted})}&" if wanted else "",
        "can_edit": person.is_admin,
        "drafts": _drafts_page(request) if person.can_read_all else None,
        "history": rules.list_history() if person.can_read_all else [],
    }
    return render(request, "routing/rules.html", context)


@admin_required
@require_http_methods(["GET", "POST"])
def rule_new(request: HttpRequest) -> HttpResponse:
    """With `?request=` the form starts from what a developer asked for; publishing it, or its draft, answers them."""
    asked = find_asked(request)
    form = RuleForm(_sent(request), initial=_initial_of_new(request, asked))
    if request.method == "POST" and form.is_valid() and not _is_preview(request):
        try:
            return _keep_new(request, form, asked)
        except PolicyErrors as error:
            form.add_problems(error.problems, rule_path=rules.path_of_rule(None))
        except DraftRefusedError as refused:
            form.add_error(None, str(refused))
        except RequestClosedError:
            form.add_error(None, _("This request was answered meanwhile. Publish again if the rule is still wanted."))
    return _form_page(request, form, code="")


@admin_required
@require_http_methods(["GET", "POST"])
def rule_edit(request: HttpRequest, code: str) -> HttpResponse:
    rule = rules.get_rule(code)
    form = RuleForm(_sent(request), initial=initial_of(rule), code=code)
    is_sent = request.method == "POST" and form.is_valid() and not _is_preview(request)
    if is_sent and not form.note_change(digest_of_rule(rule)):
        try:
            if _is_draft(request):
                return _saved(request, rules.draft_changed_rule(rule=form.as_rule(rule), by=get_person(request)))
            return _published(request, rules.replace_rule(rule=form.as_rule(rule), by=get_person(request)))
        except PolicyErrors as error:
            form.add_problems(error.problems, rule_path=rules.path_of_rule(code))
        except DraftRefusedError as refused:
            form.add_error(None, str(refused))
    return _form_page(request, form, code=code)


@admin_required
@require_POST
def rule_remove(request: HttpRequest, code: str) -> HttpResponse:
    rules.get_rule(code)
    try:
        return _published(request, rules.remove_rule(code=code, by=get_person(request)))
    except PolicyErrors as error:
        messages.error(request, problems_in_words(error.problems))
        return redirect("routing:rule", code)


@admin_required
@require_POST
def draft_publish(request: HttpRequest, draft_id: str) -> HttpResponse:
    try:
        return _published(request, drafts.publish_draft(public_id=draft_id, by=get_person(request)))
    except DraftRefusedError as refused:
        messages.error(request, str(refused))
    except PolicyErrors as error:
        messages.error(request, problems_in_words(error.problems))
    return redirect("routing:rules")


@admin_required
@require_POST
def draft_discard(request: HttpRequest, draft_id: str) -> HttpResponse:
    try:
        draft = drafts.discard_draft(public_id=draft_id, by=get_person(request))
        messages.success(request, _("The draft %(title)s is discarded.") % {"title": draft.title})
    except DraftRefusedError as refused:
        messages.error(request, str(refused))
    return redirect("routing:rules")


def _drafts_page(request: HttpRequest) -> dict[str, Any]:
    page = Paginator(drafts.waiting_drafts(), DRAFTS_SHOWN).get_page(request.GET.get("drafts"))
    return {"page": page, "rows": drafts.describe_drafts(list(page.object_list))}


def _initial_of_new(request: HttpRequest, asked: PolicyRequest | None) -> dict[str, Any]:
    if asked:
        return inbox.initial_rule(asked)
    if remote := request.GET.get("remote", "")[:2000]:
        return rules.initial_rule(remote=remote, effect=request.GET.get("effect", ""))
    return {}


def _keep_new(request: HttpRequest, form: RuleForm, asked: PolicyRequest | None) -> HttpResponse:
    """Raises PolicyErrors, DraftRefusedError and RequestClosedError."""
    by = get_person(request)
    rule = form.as_rule({"owner": by.name})
    if _is_draft(request):
        return _saved(request, rules.draft_new_rule(rule=rule, by=by, request=asked))
    if "request" in request.GET:
        return _published(request, _answer(asked, rule, by=by))
    return _published(request, rules.add_rule(rule=rule, by=by))


def _answer(asked: PolicyRequest | None, rule: dict[str, Any], *, by: User) -> PolicyRevision:
    if asked is None:
        raise RequestClosedError
    try:
        return inbox.answer_with_rule(public_id=asked.public_id, rule=rule, by=by)
    except Http404 as gone:
        raise RequestClosedError from gone


def _form_page(request: HttpRequest, form: RuleForm, *, code: str) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "code": code,
        "preview": preview_rule(effect=form.given_effect, match=form.given_match, now=timezone.now()),
        "is_for_a_request": "request" in request.GET and not form.non_field_errors(),
    }
    is_refused = bool(form.errors) and not _is_preview(request)
    return render_page_or_part(
        request, "routing/rule_form.html", context, part="preview", status=422 if is_refused else 200
    )


def _sent(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _is_preview(request: HttpRequest) -> bool:
    """The button "Show what matches", which works without script too: it publishes nothing."""
    return "preview" in request.POST


def _is_draft(request: HttpRequest) -> bool:
    return "draft" in request.POST


def _saved(request: HttpRequest, draft: PolicyDraft) -> HttpResponse:
    messages.success(request, _("The draft %(title)s is saved. It is not in force.") % {"title": draft.title})
    return redirect("routing:rules")


def _published(request: HttpRequest, revision: PolicyRevision) -> HttpResponse:
    messages.success(request, _("Policy r%(number)s is published and in force.") % {"number": revision.number})
    return redirect("routing:rules")
