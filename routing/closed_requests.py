"""Closing a developer's request: its state, the audit entry, and word to whoever asked."""

from django.db import transaction

from portal.accounts.models import User
from portal.audit.services import record
from portal.common import clock
from portal.notices.services import notify
from routing.inbox_models import PolicyRequest


@transaction.atomic
def close_request(
    request: PolicyRequest, state: PolicyRequest.State, *, by: User | None, actor: str = "", revision: int | None
) -> None:
    request.state, request.answered_by, request.answered_at, request.revision = state, by, clock.now(), revision
    request.save()
    record(by=by, actor=actor, action=f"request.{state}", subject=request, data={"revision": revision})
    owner = request.machine.owner
    if owner is not None:
        names = request.remote_list[:1]
        told = {
            "repository": names,
            "machine": request.machine.name,
            "person": by.name if by else actor,
            "revision": revision,
        }
        notify(
            kind=f"request.{state}",
            key=f"request.{request.public_id}.{state}",
            subject=request.public_id,
            data=told,
            to=[owner],
        )
