"""Pages of routing: NDA rules, and the decisions with their traces."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from machines.queries import list_visible_machines
from portal.accounts.access import admin_required, get_person
from portal.common.htmx import render_page_or_part
from routing import drafts, inbox, rules, wording
from routing.draft_models import PolicyDraft
from routing.drafts import DraftRefusedError
from routing.engine.errors import PolicyErrors
from routing.forms import RuleForm, initial_of
from routing.log_filter import Cursor
from routing.log_form import LogFilterForm
from routing.matrix import list_groups, list_task_labels
from routing.models import PolicyRevision
from routing.projects import list_seen_projects
from routing.publishing import load_bundle
from routing.queries import get_decision, get_log_page


@require_GET
def rules_list(request: HttpRequest) -> HttpResponse:
    person = get_person(request)
    context = {
        "rules": [wording.rule_in_words(rule, _language()) for rule in rules.list_rules(person)],
        "can_edit": person.is_admin,
        "drafts": drafts.list_waiting_drafts() if person.can_read_all else [],
        "history": rules.list_history() if person.can_read_all else [],
    }
    return render(request, "routing/rules.html", context)


@admin_required
@require_http_methods(["GET", "POST"])
def rule_new(request: HttpRequest) -> HttpResponse:
    """With `?request=` the form starts from what a developer asked for, and publishing it answers them."""
    asked = inbox.get_waiting(request.GET["request"]) if "request" in request.GET else None
    form = RuleForm(request.POST or None, initial=inbox.initial_rule(asked) if asked else None)
    if request.method == "POST" and form.is_valid() and not _is_preview(request):
        try:
            rule = form.as_rule({"owner": get_person(request).name})
            if _is_draft(request):
                return _saved(request, rules.draft_new_rule(rule=rule, by=get_person(request)))
            if asked:
                by = get_person(request)
                return _published(request, inbox.answer_with_rule(public_id=asked.public_id, rule=rule, by=by))
            return _published(request, rules.add_rule(rule=rule, by=get_person(request)))
        except PolicyErrors as error:
            form.add_problems(error.problems, rule_path=rules.path_of_rule(None))
    return _form_page(request, form, code="")


@admin_required
@require_http_methods(["GET", "POST"])
def rule_edit(request: HttpRequest, code: str) -> HttpResponse:
    rule = rules.get_rule(code)
    form = RuleForm(request.POST or None, initial=initial_of(rule), code=code)
    if request.method == "POST" and form.is_valid() and not _is_preview(request):
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
        messages.error(request, " ".join(problem.detail for problem in error.problems))
        return redirect("routing:rule", code)


@admin_required
@require_POST
def draft_publish(request: HttpRequest, draft_id: str) -> HttpResponse:
    try:
        return _published(request, drafts.publish_draft(public_id=draft_id, by=get_person(request)))
    except DraftRefusedError as refused:
        messages.error(request, str(refused))
    except PolicyErrors as error:
        messages.error(request, " ".join(problem.detail for problem in error.problems))
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


@require_GET
def requests(request: HttpRequest) -> HttpResponse:
    person = get_person(request)
    context = {"requests": inbox.list_requests(person)[: inbox.SHOWN], "can_answer": person.is_admin}
    return render(request, "routing/requests.html", context)


@admin_required
@require_POST
def request_decline(request: HttpRequest, request_id: str) -> HttpResponse:
    inbox.decline_request(public_id=request_id, by=get_person(request))
    messages.success(request, _("The request is declined. Its Mac is told with its next contact."))
    return redirect("routing:requests")


@require_GET
def matrix(request: HttpRequest) -> HttpResponse:
    policy = load_bundle().bundle.policy
    context = {"groups": list_groups(policy, language=_language()), "limits": policy.limits}
    return render(request, "routing/matrix.html", context)


@require_GET
def projects(request: HttpRequest) -> HttpResponse:
    person = get_person(request)
    context = {"projects": list_seen_projects(person, now=timezone.now()), "can_edit": person.is_admin}
    return render(request, "routing/projects.html", context)


@require_GET
def decisions(request: HttpRequest) -> HttpResponse:
    person = get_person(request)
    tasks = list_task_labels(load_bundle().bundle.policy, language=_language())
    form = LogFilterForm(request.GET, tasks=tasks, machines=list_visible_machines(person))
    context: dict[str, Any] = {"form": form, "labels": dict(tasks)}
    if form.is_valid():
        older, newer = (Cursor.find(request.GET.get(name, "")) for name in ("older", "newer"))
        context["log"] = get_log_page(person, form.as_filter(), older=older, newer=newer)
    status = 422 if form.errors else 200
    return render_page_or_part(request, "routing/decisions.html", context, part="rows", status=status)


@require_GET
def decision(request: HttpRequest, decision_id: uuid.UUID) -> HttpResponse:
    found = get_decision(get_person(request), decision_id)
    answer = wording.localised(found.answer, _language())
    context = {
        "decision": found,
        "answer": answer,
        "stages": wording.trace_of(answer),
        "effect_words": wording.EFFECTS.get(found.effect),
        "class_words": wording.CLASSIFICATIONS.get(found.classification),
        "remotes": found.remote_list,
        "receipts": found.receipts.all(),
    }
    return render(request, "routing/decision.html", context)


def _form_page(request: HttpRequest, form: RuleForm, *, code: str) -> HttpResponse:
    patterns = str(form["remotes"].value() or "").split("\n")
    context: dict[str, Any] = {
        "form": form,
        "code": code,
        "matching": rules.list_matching_remotes([one.strip() for one in patterns if one.strip()]),
    }
    is_refused = bool(form.errors) and not _is_preview(request)
    return render_page_or_part(
        request, "routing/rule_form.html", context, part="preview", status=422 if is_refused else 200
    )


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


def _language() -> str:
    return "ja" if (get_language() or "").startswith("ja") else "en"
