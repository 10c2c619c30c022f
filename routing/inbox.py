"""The admins' inbox: making a request, answering it with a rule or a no, and who sees which."""

import hashlib
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.shortcuts import get_object_or_404

from machines.models import Machine
from machines.queries import get_machine_of
from portal.accounts.models import ApiToken, Scope, User
from portal.audit.services import record
from portal.common import clock
from portal.common.problems import Problem
from routing.closed_requests import close_request
from routing.draft_models import PolicyDraft
from routing.engine.errors import WireError
from routing.engine.request import TaskRequest
from routing.engine.wire import encode, loggable_request, request_from_document
from routing.exceptions import add_exception
from routing.inbox_models import REASON_LENGTH, PolicyRequest
from routing.models import PolicyRevision
from routing.publishing import load_bundle
from routing.rules import add_rule, suggest_code

type Document = dict[str, Any]

State = PolicyRequest.State
# A Mac that goes on asking fills no inbox.
MAX_OPEN_PER_MACHINE = 50
SHOWN = 200


def list_requests(person: User) -> QuerySet[PolicyRequest]:
    """All for those who read all; otherwise those of one's own Macs. Waiting ones first, then the newest answers.

    `draft` is the newest that waits to answer it.
    """
    rows = list_all_requests()
    visible = rows if person.can_read_all else rows.filter(machine__owner=person)
    drafts = PolicyDraft.objects.filter(request=OuterRef("pk"), state=PolicyDraft.State.WAITING)
    visible = visible.annotate(draft=Subquery(drafts.values("public_id")[:1]))
    # Said out loud: without it the databases differ in where they put those without an answer.
    return visible.order_by(F("answered_at").desc(nulls_first=True), "-at", "-id")


def list_all_requests() -> QuerySet[PolicyRequest]:
    """For tokens with the scope to read: they see the whole team. Newest first."""
    return PolicyRequest.objects.select_related("machine__owner", "answered_by")


def list_requests_for(token: ApiToken, *, state: str | None = None) -> QuerySet[PolicyRequest]:
    """A Mac sees its own, a token that may read all. Raises Problem 403."""
    rows = list_all_requests()
    rows = rows.filter(state=state) if state else rows
    return rows if Scope.READ in token.scopes else rows.filter(machine=get_machine_of(token))


def count_waiting(person: User) -> int:
    """For the admins, who answer them."""
    return PolicyRequest.objects.filter(state=State.OPEN).count() if person.is_admin else 0


def get_waiting(public_id: str) -> PolicyRequest:
    """Raises Http404, also for one that was answered meanwhile."""
    # PostgreSQL takes no NUL; an id has none.
    return get_object_or_404(PolicyRequest, public_id=public_id.replace("\0", ""), state=State.OPEN)


@transaction.atomic
def make_request(*, document: object, machine: Machine) -> PolicyRequest:
    """The waiting one when the same was asked before. Raises Problem and WireError."""
    kind, reason, request = _read(document)
    projects: Any = loggable_request(request)["projects"]
    remotes = [remote for project in projects for remote in project["remotes"] or ()]
    digest = hashlib.sha256(encode({"kind": kind, "projects": projects})).hexdigest()
    # The machine's row is the lock: two at once would both find nothing.
    Machine.objects.select_for_update().get(pk=machine.pk)
    waiting = PolicyRequest.objects.filter(machine=machine, state=State.OPEN)
    found = waiting.filter(digest=digest).first()
    if found is not None:
        return found
    if waiting.count() >= MAX_OPEN_PER_MACHINE:
        raise Problem(429, "request.too_many", "Too many requests of this machine wait for an answer.")
    made = PolicyRequest.objects.create(
        kind=kind,
        reason=reason,
        machine=machine,
        remotes="\n".join(dict.fromkeys(remotes)),
        digest=digest,
        at=clock.now(),
    )
    record(by=machine.owner, actor=machine.name, action="request.made", subject=made, data={"kind": kind})
    return made


@transaction.atomic
def answer_with_rule(*, public_id: str, rule: Document, by: User) -> PolicyRevision:
    """The rule is published and the request told so. Raises PolicyErrors."""
    request = _lock_waiting(public_id)
    revision = add_rule(rule=rule, by=by)
    close_request(request, State.ANSWERED, by=by, revision=revision.number)
    return revision


@transaction.atomic
def answer_with_exception(*, public_id: str, exception: Document, by: User) -> PolicyRevision:
    """The exception is published and the request told so. Raises Http404 and PolicyErrors."""
    request = _lock_waiting(public_id)
    revision = add_exception(exception=exception, by=by)
    close_request(request, State.ANSWERED, by=by, revision=revision.number)
    return revision


@transaction.atomic
def decline_request(*, public_id: str, by: User | None, actor: str = "") -> PolicyRequest:
    """`by=None` needs `actor`, as in the audit log. Raises Http404, also for one that was answered meanwhile."""
    request = _lock_waiting(public_id)
    close_request(request, State.DECLINED, by=by, actor=actor, revision=None)
    return request


def _lock_waiting(public_id: str) -> PolicyRequest:
    """Raises Http404, also for one that was answered meanwhile."""
    return get_object_or_404(PolicyRequest.objects.lock(), public_id=public_id, state=State.OPEN)


def initial_rule(request: PolicyRequest) -> Document:
    """What the rule form starts with: the admin decides, the patterns are there.

    A Mac says what its remotes are: one with a star would be a pattern for other repositories, and is left out.
    """
    effect = "local_only" if request.kind == PolicyRequest.Kind.CLASSIFY else "cloud_ok"
    return {**_initial(request), "effect": effect}


def initial_exception(request: PolicyRequest) -> Document:
    """The same for the form of an exception: for the Mac that asked, until the admin says otherwise."""
    return {**_initial(request), "is_for_one_mac": True}


def _initial(request: PolicyRequest) -> Document:
    remotes = request.named_remotes
    code = suggest_code(remotes[0]) if remotes else ""
    return {"code": code, "remotes": "\n".join(remotes), "reason_en": request.reason}


def _read(document: object) -> tuple[str, str, TaskRequest]:
    given = dict(document) if isinstance(document, dict) else {}
    kind, reason, projects = given.pop("kind", None), given.pop("reason", ""), given.pop("projects", None)
    if given:
        raise WireError(code="field.unknown", detail="Allowed: kind, reason, projects.", field=min(map(str, given)))
    if kind not in PolicyRequest.Kind.values:
        raise WireError(code="field.invalid", detail="Allowed: classify, exception.", field="kind")
    if not isinstance(reason, str) or len(reason) > REASON_LENGTH or "\0" in reason:
        raise WireError(code="field.invalid", detail=f"Allowed: a text of {REASON_LENGTH} characters.", field="reason")
    task = load_bundle().bundle.policy.default_task
    return kind, reason, request_from_document({"task": task, "projects": projects})
