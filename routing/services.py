"""Deciding and logging. Publishing and receipts have modules of their own; their services are named here."""

from datetime import timedelta
from typing import Any

from machines.models import Machine
from machines.queries import find_facts
from portal.accounts.models import ApiToken, User
from portal.common import clock
from portal.common.ids import new_uuid7
from routing.engine.decide import decide
from routing.engine.effects import is_stricter
from routing.engine.facts import Situation
from routing.engine.request import TaskRequest
from routing.engine.wire import Envelope, answer_document, loggable_request
from routing.machine_standing import keep_local_if_quarantined, state_for
from routing.models import Decision
from routing.publishing import change_policy, ensure_first_revision, load_bundle, publish_revision
from routing.redaction import redact
from routing.session_floors import find_floor, remember_floor, tighten_session

__all__ = ["change_policy", "decide_and_log", "ensure_first_revision", "load_bundle", "publish_revision"]

type Document = dict[str, Any]


def decide_and_log(
    *, request: TaskRequest, by: User | None, token: ApiToken | None, machine: Machine | None, language: str
) -> Document:
    """The contract's answer, logged. Who may ask for `machine` was settled by the caller."""
    bundle = load_bundle().bundle
    stored = find_facts(machine) if machine else None
    facts = stored.facts if stored else None
    facts_age_s = stored.age_s if stored else None
    now = clock.now()
    if machine is not None:
        # A Mac that names none means itself; exceptions may hold for it alone.
        request = request._replace(machine=machine.public_id)
    request = keep_local_if_quarantined(request, machine)
    situation = Situation(
        now=now, policy_state="fresh", facts_age_s=facts_age_s, machine_state=state_for(machine, asked_by=token)
    )
    answer = decide(request, bundle=bundle, facts=facts, situation=situation)
    floor = find_floor(request, token=token, machine=machine)
    # What is as strict by itself is answered as if it were asked for the first time.
    if floor is not None and is_stricter(floor, answer.privacy.effect):
        request = tighten_session(request, floor)
        answer = decide(request, bundle=bundle, facts=facts, situation=situation)
    decision_id = new_uuid7()
    envelope = Envelope(
        id=str(decision_id),
        valid_until=now + timedelta(seconds=bundle.policy.limits.policy_refresh_s),
        decided_by="portal",
        # The portal holds the policy itself, so its copy has no age.
        policy_age_s=0,
        policy_state="fresh",
        facts_age_s=facts_age_s,
        facts_source="portal" if facts else "none",
    )
    document = answer_document(answer, envelope, language=language)
    remember_floor(request, answer.privacy.effect, token=token, machine=machine)
    Decision.objects.create(
        id=decision_id,
        at=now,
        decided_by=Decision.DecidedBy.PORTAL,
        machine=machine,
        asked_by=by,
        token_id=token.public_id if token else "",
        **columns_of_request(request),
        **columns_of(document),
    )
    return document


def columns_of_request(request: TaskRequest) -> Document:
    """The request as the log keeps it, and its remotes, each once."""
    loggable = loggable_request(request)
    projects: Any = loggable["projects"]
    remotes = [remote for project in projects for remote in project["remotes"] or ()]
    return {"request": loggable, "remotes": "\n".join(dict.fromkeys(remotes))}


def columns_of(answer: Document) -> Document:
    """The columns of a log row that are copies from the answer, for filters and counts."""
    privacy = answer["privacy"]
    codes = [*(privacy.get("rules") or ()), *(privacy.get("exceptions") or ())]
    return {
        "answer": redact(answer),
        "task": answer["task"]["id"],
        "backend": answer["backend"],
        "effect": privacy["effect"],
        "classification": privacy["classification"],
        "rules": "".join(f"\n{code}" for code in codes) + "\n" if codes else "",
        "revision": answer["policy"]["revision"],
    }
