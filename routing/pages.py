"""Pages of routing: requests, the task matrix, projects, and the decisions with their traces. Rules: `rule_pages`."""

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from machines.queries import list_visible_machines
from portal.accounts.access import admin_required, get_person
from portal.common.htmx import render_page_or_part
from routing import inbox, log_export, wording
from routing.log_chart import get_chart
from routing.log_filter import Cursor
from routing.log_form import LogFilterForm
from routing.matrix import list_groups, list_task_labels
from routing.projects import list_seen_projects
from routing.publishing import load_bundle
from routing.queries import DECISIONS_COUNTED, get_decision, get_log_page
from routing.suggestions import suggest_all

PROJECTS_SHOWN = 100
# A list to choose from that is longer than this is no help.
MACS_OFFERED = 200


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
    context = {"groups": list_groups(policy, language=wording.language_of_reader()), "limits": policy.limits}
    return render(request, "routing/matrix.html", context)


@require_GET
def projects(request: HttpRequest) -> HttpResponse:
    person = get_person(request)
    wanted = request.GET.get("q", "").strip()
    seen = list_seen_projects(person, now=timezone.now())
    found = seen.matching(wanted)
    context = {
        "waiting": suggest_all(found.unclassified[:PROJECTS_SHOWN], seen.classified),
        "more_waiting": max(0, len(found.unclassified) - PROJECTS_SHOWN),
        "page": Paginator(found.classified, PROJECTS_SHOWN).get_page(request.GET.get("page")),
        "seen": seen,
        "wanted": wanted,
        "query": f"{urlencode({'q': wanted})}&" if wanted else "",
        "decisions_counted": f"{DECISIONS_COUNTED:,}",
        "can_edit": person.is_admin,
    }
    return render(request, "routing/projects.html", context)


@require_GET
def decisions(request: HttpRequest) -> HttpResponse:
    person = get_person(request)
    tasks = list_task_labels(load_bundle().bundle.policy, language=wording.language_of_reader())
    form = _log_form(request, tasks)
    context: dict[str, Any] = {"form": form, "labels": dict(tasks), "export_rows": f"{log_export.ROWS:,}"}
    if form.is_valid():
        older, newer = (Cursor.find(request.GET.get(name, "")) for name in ("older", "newer"))
        context["log"] = get_log_page(person, form.as_filter(), older=older, newer=newer)
        context["chart"] = get_chart(person, form.as_filter(), now=timezone.now())
    status = 422 if form.errors else 200
    return render_page_or_part(request, "routing/decisions.html", context, part="rows", status=status)


@require_GET
def decisions_export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    form = _log_form(request, list_task_labels(load_bundle().bundle.policy, language=wording.language_of_reader()))
    if not form.is_valid():
        # The page says what is wrong with the filter.
        return decisions(request)
    lines = log_export.export_lines(get_person(request), form.as_filter())
    headers = {"Content-Disposition": 'attachment; filename="decisions.csv"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


@require_GET
def decision(request: HttpRequest, decision_id: uuid.UUID) -> HttpResponse:
    found = get_decision(get_person(request), decision_id)
    labels = dict(list_task_labels(load_bundle().bundle.policy, language=wording.language_of_reader()))
    answer = wording.localised(found.answer, wording.language_of_reader(), tasks=labels)
    context = {
        "decision": found,
        "task_label": labels.get(found.task, found.task),
        "answer": answer,
        "stages": wording.trace_of(answer),
        "has_remedy": any(one.get("remedy") for one in answer["alternatives"]),
        "candidates": wording.candidates_of(answer),
        "effect_words": wording.EFFECTS.get(found.effect),
        "class_words": wording.CLASSIFICATIONS.get(found.classification),
        "remotes": found.remote_list,
        "receipts": found.receipts.all(),
    }
    return render(request, "routing/decision.html", context)


def _log_form(request: HttpRequest, tasks: Sequence[tuple[str, str]]) -> LogFilterForm:
    visible = list_visible_machines(get_person(request)).defer("report")
    machines = list(visible[:MACS_OFFERED])
    if len(machines) == MACS_OFFERED and (asked := request.GET.get("machine", "")).isprintable():
        # One that is not offered can still be linked to.
        machines += visible.filter(public_id=asked)
    return LogFilterForm(request.GET, tasks=tasks, machines=machines)
