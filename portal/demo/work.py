"""The team at work: each question is decided by the engine as an agent or the portal would have, and then recorded."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from machines.health.evaluating import SAMPLE_EVERY, evaluate_due, evaluate_one
from machines.health.models import INTERVAL_S, FleetSample
from machines.health.states import late_after, offline_after
from machines.models import Machine
from machines.services import accept_benchmarks, accept_heartbeat, accept_report
from portal.accounts.models import User
from portal.common import clock
from portal.demo.cast import MACS, DemoMac, Presence
from portal.demo.reports import benchmarks_of, report_of, state_of
from portal.demo.story import Ask, Incident, Through
from routing.engine import facts
from routing.engine.answer import uuid7_text
from routing.engine.bundle_value import Bundle
from routing.engine.decide import decide
from routing.engine.request import TaskRequest
from routing.engine.wire import Envelope, answer_document, request_from_document
from routing.evidence import accept_receipts
from routing.publishing import load_bundle
from routing.receipts import receipts_from_document
from routing.services import decide_and_log

type Document = dict[str, Any]

CLIENT = {"name": "claude", "version": "2.1.197", "mode": "tui"}
# How long ago the runtime of a Mac that is broken today broke.
BROKEN_SINCE = timedelta(days=2)
_OPEN_AT_NIGHT = 3
_OPEN_PROJECT = "git@github.com:hoshizora/hoshizora-web.git"


@dataclass
class Team:
    people: dict[str, User]
    macs: dict[str, Machine]
    # What the agents know of their Macs, by name and whether the runtime is broken.
    known_facts: dict[tuple[str, bool], facts.MachineFacts] = field(default_factory=dict)


@dataclass
class Spool:
    """What an agent has not sent yet, and when each launch in it ended."""

    receipts: list[Document] = field(default_factory=list)
    ends: list[datetime] = field(default_factory=list)


def send_facts(machine: Machine, mac: DemoMac, *, at: datetime, is_broken: bool = False) -> None:
    """The report and, as long as the runtime is well, the benchmarks of a Mac."""
    _send_report(machine, mac, at=at, is_broken=is_broken)
    if not is_broken:
        runs = facts.benchmarks_from_document({"benchmarks": benchmarks_of(mac, at=at)})
        accept_benchmarks(machine=machine, benchmarks=runs)


def work(team: Team, asks: Sequence[Ask], *, now: datetime) -> None:
    """All of it happens under the revision in force. An agent sends its spool once a day, and at once what is odd."""
    bundle = load_bundle().bundle
    for _day, of_day in groupby(asks, key=lambda ask: ask.at.date()):
        spools: dict[str, Spool] = defaultdict(Spool)
        for ask in of_day:
            is_broken = is_broken_at(ask, now=now)
            if ask.through is not Through.AGENT:
                _ask_the_portal(team, ask, is_broken=is_broken)
                continue
            _decide_on_the_mac(team, ask, bundle=bundle, is_broken=is_broken, spool=spools[ask.mac.name])
            if ask.incident:
                _send(spools.pop(ask.mac.name), machine=team.macs[ask.mac.name])
        for name, spool in spools.items():
            _send(spool, machine=team.macs[name])


def is_broken_at(ask: Ask, *, now: datetime) -> bool:
    return ask.mac.is_broken and ask.at > now - BROKEN_SINCE


def fall_silent(team: Team, *, name: str) -> None:
    """The last that was heard of that Mac, and what the portal made of the silence after it."""
    at = clock.now()
    send_facts(team.macs[name], next(mac for mac in MACS if mac.name == name), at=at)
    later = at + offline_after(INTERVAL_S) + timedelta(seconds=5)
    with clock.standing_at(later):
        evaluate_one(team.macs[name], now=later)


def show_today(team: Team, *, now: datetime) -> None:
    """The newest report of each Mac that is there."""
    for mac in MACS:
        if mac.presence in (Presence.OFFLINE, Presence.MISSING):
            continue
        is_late = mac.presence is Presence.LATE
        silence = timedelta(seconds=20) + (late_after(INTERVAL_S) if is_late else timedelta())
        with clock.standing_at(now - silence):
            send_facts(team.macs[mac.name], mac, at=now - silence, is_broken=mac.is_broken)
    _sample_last_day(now)
    evaluate_due(now=now)


def _sample_last_day(now: datetime) -> None:
    """People in Tokyo open their Macs in the morning and close them at night."""
    FleetSample.objects.bulk_create(
        FleetSample(at=at, counts={"online": there, "offline": len(MACS) - there})
        for at, there in ((at, _count_there(at)) for at in (now - SAMPLE_EVERY * number for number in range(1, 144)))
    )


def _count_there(at: datetime) -> int:
    hour = (at.hour + 9) % 24
    by_day = max(0, min(3, hour - 7, 21 - hour)) / 3
    return _OPEN_AT_NIGHT + round(by_day * (len(MACS) - 2 - _OPEN_AT_NIGHT))


def keep_alive(machine: Machine, mac: DemoMac, *, now: datetime, is_report_wanted: bool) -> None:
    """What the agent of a Mac would send once a minute."""
    if is_report_wanted:
        _send_report(machine, mac, at=now, is_broken=mac.is_broken)
    else:
        accept_heartbeat(machine=machine, situation=state_of(mac))


def _send_report(machine: Machine, mac: DemoMac, *, at: datetime, is_broken: bool) -> None:
    document = report_of(mac, at=at, is_broken=is_broken)
    accept_report(machine=machine, report=facts.report_from_document(document), document=document)


def _ask_the_portal(team: Team, ask: Ask, *, is_broken: bool) -> None:
    machine = team.macs[ask.mac.name]
    with clock.standing_at(ask.at - timedelta(minutes=2)):
        _send_report(machine, ask.mac, at=ask.at - timedelta(minutes=2), is_broken=is_broken)
    machine.refresh_from_db()
    is_page = ask.through is Through.PAGE
    with clock.standing_at(ask.at):
        decide_and_log(
            request=request_of(ask, machine),
            by=team.people[ask.by.key] if is_page else None,
            token=None if is_page else machine.token,
            machine=machine,
            language=ask.by.language,
        )


def _decide_on_the_mac(team: Team, ask: Ask, *, bundle: Bundle, is_broken: bool, spool: Spool) -> None:
    """As the wrapper does: decide, launch, and write receipts."""
    machine = team.macs[ask.mac.name]
    answer = _answer_of(team, ask, request_of(ask, machine), bundle=bundle, is_broken=is_broken)
    spool.receipts += receipts_of(ask, answer, machine, policy_epoch=bundle.epoch)
    spool.ends.append(ask.at + timedelta(seconds=ask.lasted_s))


def _send(spool: Spool, *, machine: Machine) -> None:
    """When the last of the work in it is over."""
    batch = receipts_from_document({"receipts": spool.receipts})
    with clock.standing_at(max(spool.ends)):
        accept_receipts(receipts=batch, machine=machine)


def _answer_of(team: Team, ask: Ask, request: TaskRequest, *, bundle: Bundle, is_broken: bool) -> Document:
    situation = facts.Situation(now=ask.at, facts_age_s=3)
    if ask.incident is Incident.OTHER_ANSWER:
        # An agent that somebody has tampered with answers as if another project had been asked for.
        request = request_from_document(_request_document(ask, team.macs[ask.mac.name], remote=_OPEN_PROJECT))
    answer = decide(request, bundle=bundle, facts=facts_of_mac(team, ask, is_broken=is_broken), situation=situation)
    envelope = Envelope(
        id=uuid7_text(ask.at, ask.entropy),
        valid_until=ask.at + timedelta(seconds=bundle.policy.limits.policy_refresh_s),
        decided_by="agent",
        policy_age_s=ask.lasted_s % 300,
        policy_state="fresh",
        facts_age_s=3,
        facts_source="agent",
    )
    return answer_document(answer, envelope, language=ask.by.language)


def facts_of_mac(team: Team, ask: Ask, *, is_broken: bool) -> facts.MachineFacts:
    key = (ask.mac.name, is_broken)
    if key not in team.known_facts:
        report = facts.report_from_document(report_of(ask.mac, at=ask.at, is_broken=is_broken))
        runs = facts.benchmarks_from_document({"benchmarks": benchmarks_of(ask.mac, at=ask.at)})
        team.known_facts[key] = facts.facts_of(report, runs, machine=team.macs[ask.mac.name].public_id)
    return team.known_facts[key]


def request_of(ask: Ask, machine: Machine) -> TaskRequest:
    return request_from_document(_request_document(ask, machine, remote=ask.project.remote))


def _request_document(ask: Ask, machine: Machine, *, remote: str | None) -> Document:
    document: Document = {
        "task": ask.task,
        "context_tokens": ask.context_tokens,
        "client": CLIENT,
        "machine": machine.public_id,
    }
    if remote:
        document["projects"] = [{"remotes": [remote]}]
    return document


def receipts_of(ask: Ask, answer: Document, machine: Machine, *, policy_epoch: int | None) -> list[Document]:
    decision = {
        "id": answer["id"],
        "request": _request_document(ask, machine, remote=ask.project.remote),
        "answer": answer,
        "facts_digest": None,
        "policy_epoch": policy_epoch,
    }
    if answer["backend"] == "none":
        return [_receipt(decision, "blocked", at=ask.at, launched=None, exit_code=3)]
    launched = _launched(ask, answer)
    if ask.incident is Incident.ARGUMENT_REFUSED:
        stopped = {**launched, "args_refused": ["--settings"]}
        return [_receipt(decision, "blocked", at=ask.at, launched=stopped, exit_code=None, code="run.argument_refused")]
    if ask.incident is Incident.LAUNCHED_DIRECTLY:
        return [_receipt(decision, "direct", at=ask.at, launched=launched, exit_code=None)]
    end = ask.at + timedelta(seconds=ask.lasted_s)
    return [
        _receipt(decision, "start", at=ask.at, launched=launched, exit_code=None),
        _receipt(decision, "end", at=end, launched=launched, exit_code=ask.exit_code),
    ]


def _receipt(
    decision: Document,
    kind: str,
    *,
    at: datetime,
    launched: Document | None,
    exit_code: int | None,
    code: str | None = None,
) -> Document:
    return {
        "decision": decision,
        "kind": kind,
        "at": at.isoformat(),
        "launched": launched,
        "exit": exit_code,
        "preflight": [{"check": "launch", "ok": kind != "blocked", "code": code}],
        "guard": "advisory",
    }


def _launched(ask: Ask, answer: Document) -> Document:
    went_elsewhere = ask.incident in (Incident.LAUNCHED_CLOUD, Incident.LAUNCHED_DIRECTLY)
    backend = "cloud" if went_elsewhere else answer["backend"]
    is_local = backend == "local"
    return {
        "client": CLIENT["name"],
        "version": CLIENT["version"],
        "backend": backend,
        "model": answer["model"]["name"] if is_local else None,
        "base_url_class": "loopback" if is_local else "anthropic",
        "profile": answer["launch"]["profile"],
        "args_refused": [],
    }
