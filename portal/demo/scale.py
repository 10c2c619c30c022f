"""The demo many times over, for load: the same team with more Macs and projects, written in bulk.

Nothing here invents an answer: the engine decides each kind of question once for each Mac and project, and the rows of
that kind differ in their id, their times and how old policy and facts were.
"""

import secrets
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import batched, chain
from random import Random
from typing import Any
from uuid import UUID

from django.db.models import Model

from machines.models import Benchmark, Health, InstalledModel, Machine, Runtime
from portal.accounts.models import ApiToken
from portal.common.ids import ALPHABET, new_public_id
from portal.demo.cast import DemoProject
from portal.demo.story import SEED, Ask, Incident, Through
from portal.demo.work import Team, facts_of_mac, is_broken_at, receipts_of, request_of
from routing.bundles import find_bundle_of_revision
from routing.engine.answer import uuid7_text
from routing.engine.bundle_value import Bundle
from routing.engine.decide import decide
from routing.engine.facts import Situation, time_text
from routing.engine.wire import Envelope, answer_document
from routing.models import Decision, PolicyRevision, Receipt
from routing.services import columns_of, columns_of_request

BATCH = 1000
# Earlier than the question that is copied, so that none is of the future or asked of a Mac that has gone.
_EARLIER_S = 900
# How old facts are when the agent decides, and two minutes after a report when the portal does.
_AGENT_FACTS_AGE_S = 3
_PORTAL_FACTS_AGE_S = 120

type Document = dict[str, Any]
type Revisions = Sequence[tuple[datetime, Bundle]]
type Kind = tuple[str, str | None, str, bool, int, str, bool]


@dataclass
class Kinds:
    """The log's columns of each kind of question of one copy; dropped with the copy, so memory stays bounded."""

    team: Team
    revisions: Revisions
    now: datetime
    columns: dict[Kind, Document] = field(default_factory=dict)

    def columns_for(self, ask: Ask) -> Document:
        bundle = self._bundle_at(ask.at)
        is_broken = is_broken_at(ask, now=self.now)
        is_agent = ask.through is Through.AGENT
        remote, language = ask.project.remote, ask.by.language
        kind = (ask.task, remote, ask.mac.name, is_broken, bundle.revision, language, is_agent)
        if kind not in self.columns:
            self.columns[kind] = _decide(self.team, ask, bundle=bundle, is_broken=is_broken)
        return self.columns[kind]

    def _bundle_at(self, at: datetime) -> Bundle:
        return self.revisions[bisect_right(self.revisions, at, key=lambda revision: revision[0]) - 1][1]


def add_copies(team: Team, asks: Sequence[Ask], *, now: datetime, copies: int) -> None:
    """Macs, projects and work of the demo again, `copies` times; its people stay. Writes batches of 1,000 rows."""
    revisions = _list_revisions()
    originals = list(
        Machine.objects.select_related("token", "health").prefetch_related("runtimes__models", "benchmarks")
    )
    names = {machine.pk: name for name, machine in team.macs.items()}
    for number in range(2, copies + 2):
        clones = _clone_machines(originals, number)
        macs = {names[original.pk]: clone for original, clone in zip(originals, clones, strict=True)}
        kinds = Kinds(team=Team(people=team.people, macs=macs), revisions=revisions, now=now)
        _write(_tell_again(asks, number), kinds)


def _list_revisions() -> Revisions:
    rows = PolicyRevision.objects.order_by("number").values_list("number", "at")
    bundles = ((at, find_bundle_of_revision(number)) for number, at in rows)
    return [(at, bundle) for at, bundle in bundles if bundle is not None]


def _tell_again(asks: Iterable[Ask], number: int) -> Iterator[Ask]:
    """The same work on the projects of that copy, some minutes earlier. Incidents stay with the demo itself."""
    random = Random(f"{SEED}/{number}")  # noqa: S311 - invented data that has to be the same each time
    for ask in asks:
        yield replace(
            ask,
            at=ask.at - timedelta(seconds=random.uniform(0, _EARLIER_S)),
            project=replace(ask.project, remote=_remote_of_copy(ask.project, number)),
            entropy=random.randbytes(10),
            incident=Incident.NONE,
        )


def _remote_of_copy(project: DemoProject, number: int) -> str | None:
    if project.remote is None:
        return None
    name, dot, suffix = (
        project.remote.partition(".git") if project.remote.endswith(".git") else (project.remote, "", "")
    )
    return f"{name}-{number}{dot}{suffix}"


def _decide(team: Team, ask: Ask, *, bundle: Bundle, is_broken: bool) -> Document:
    """The first question of a kind stands for all of it, its context included."""
    request = request_of(ask, team.macs[ask.mac.name])
    facts_age_s = _facts_age_s(ask)
    answer = decide(
        request,
        bundle=bundle,
        facts=facts_of_mac(team, ask, is_broken=is_broken),
        situation=Situation(now=ask.at, policy_state="fresh", facts_age_s=facts_age_s),
    )
    is_agent = ask.through is Through.AGENT
    envelope = Envelope(
        id="",
        valid_until=ask.at + timedelta(seconds=bundle.policy.limits.policy_refresh_s),
        decided_by="agent" if is_agent else "portal",
        policy_age_s=0,
        policy_state="fresh",
        facts_age_s=facts_age_s,
        facts_source="agent" if is_agent else "portal",
    )
    document = answer_document(answer, envelope, language=ask.by.language)
    return {
        **columns_of_request(request),
        **columns_of(document),
        "refresh_s": bundle.policy.limits.policy_refresh_s,
    }


def _facts_age_s(ask: Ask) -> int:
    return _AGENT_FACTS_AGE_S if ask.through is Through.AGENT else _PORTAL_FACTS_AGE_S


def _write(asks: Iterator[Ask], kinds: Kinds) -> None:
    for batch in batched(asks, BATCH):
        rows = Decision.objects.bulk_create(_row_of(ask, kinds) for ask in batch)
        receipts = chain.from_iterable(map(_receipts, batch, rows))
        Receipt.objects.bulk_create(receipts, batch_size=BATCH)


def _row_of(ask: Ask, kinds: Kinds) -> Decision:
    columns = dict(kinds.columns_for(ask))
    refresh_s = columns.pop("refresh_s")
    machine = kinds.team.macs[ask.mac.name]
    is_agent, is_page = ask.through is Through.AGENT, ask.through is Through.PAGE
    decision_id = uuid7_text(ask.at, ask.entropy)
    answer = columns.pop("answer")
    own = {
        "id": decision_id,
        "valid_until": time_text(ask.at + timedelta(seconds=refresh_s)),
        # As in the demo itself: the portal's own copy of the policy has no age.
        "policy": {**answer["policy"], "age_s": ask.lasted_s % 300 if is_agent else 0},
    }
    return Decision(
        id=UUID(decision_id),
        at=ask.at,
        decided_by=answer["decided_by"],
        machine=machine,
        asked_by=kinds.team.people[ask.by.key] if is_page else None,
        token_id="" if is_page or machine.token is None else machine.token.public_id,
        # The portal would decide under the same revision, and has just done so.
        recheck=Decision.Recheck.SAME if is_agent else Decision.Recheck.NOT_NEEDED,
        answer={**answer, **own},
        **columns,
    )


def _receipts(ask: Ask, row: Decision) -> Iterator[Receipt]:
    if ask.through is not Through.AGENT or row.machine is None:
        return
    for sent in receipts_of(ask, row.answer, row.machine, policy_epoch=None):
        yield Receipt(
            decision=row,
            kind=sent["kind"],
            at=datetime.fromisoformat(sent["at"]),
            received_at=ask.at + timedelta(seconds=ask.lasted_s),
            launched=sent["launched"],
            exit_code=sent["exit"],
            preflight=sent["preflight"],
            guard=sent["guard"],
        )


def _clone_machines(originals: Sequence[Machine], number: int) -> list[Machine]:
    """Macs as they stand today, with all that they have reported; in the order of `originals`."""
    tokens = ApiToken.objects.bulk_create(_clone_token(machine, number) for machine in originals)
    machines = Machine.objects.bulk_create(
        _clone(machine, public_id=new_public_id("m"), name=f"{machine.name}-{number}", token_id=token.pk)
        for machine, token in zip(originals, tokens, strict=True)
    )
    Health.objects.bulk_create(
        _clone(original.health, machine_id=machine.pk) for original, machine in zip(originals, machines, strict=True)
    )
    for machine, token in zip(machines, tokens, strict=True):
        machine.token = token
    pairs = list(zip(originals, machines, strict=True))
    olds = [runtime for original in originals for runtime in original.runtimes.all()]
    new_of = {original.pk: machine.pk for original, machine in pairs}
    runtimes = Runtime.objects.bulk_create(_clone(old, machine_id=new_of[old.machine_id]) for old in olds)
    InstalledModel.objects.bulk_create(
        _clone(model, runtime_id=new.pk) for old, new in zip(olds, runtimes, strict=True) for model in old.models.all()
    )
    Benchmark.objects.bulk_create(
        _clone(run, machine_id=machine.pk) for original, machine in pairs for run in original.benchmarks.all()
    )
    return machines


def _clone_token(machine: Machine, number: int) -> ApiToken:
    """A token that nobody has: its digest is of no text."""
    if machine.token is None:
        raise ValueError(f"{machine.name} has no token")
    public_id = "".join(secrets.choice(ALPHABET) for _ in range(12))
    name = f"{machine.name}-{number}"
    return _clone(machine.token, public_id=public_id, name=name, digest=secrets.token_hex(32), last_used_at=None)


def _clone[M: Model](row: M, **changes: object) -> M:
    """A new row, not yet written, with the columns of another."""
    columns = {column.attname: getattr(row, column.attname) for column in row._meta.concrete_fields}
    del columns[row._meta.pk.attname]
    return type(row)(**(columns | changes))
