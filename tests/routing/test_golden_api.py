"""The golden decisions over the API: published policy, stored report, and still the engine's answer to the byte."""

from collections.abc import Callable
from datetime import timedelta
from itertools import groupby
from typing import Any

import pytest
import time_machine

from machines.models import Machine
from machines.services import accept_benchmarks
from portal.accounts.models import User
from routing.engine import facts, wire
from routing.models import PolicyRevision
from tests.golden.run import Worlds, read_cases
from tests.routing.conftest import Caller, enrolled

pytestmark = pytest.mark.slow

WORLDS = Worlds("routing.engine")


def policy_name(case: dict[str, Any]) -> str:
    return str(case["policy"])


# Only an agent can hold an expired policy, and a Mac cannot ask for another one, nor while it is away.
CASES = [
    case
    for case in read_cases()
    if not {"policy_state", "machine_state"} & set(case) and "machine" not in case["request"]
]
POLICIES = {name: list(cases) for name, cases in groupby(sorted(CASES, key=policy_name), key=policy_name)}


@pytest.mark.parametrize("policy", POLICIES)
def test_api_gives_the_golden_answers(
    policy: str, ben: User, service: Caller, publish: Callable[..., PolicyRevision]
) -> None:
    with time_machine.travel(WORLDS.now, tick=False):
        publish(**WORLDS.policy_sections(policy))
        mac = golden_mac(ben)
        for case in POLICIES[policy]:
            assert answer_of(case, mac=mac, service=service) == canonical(WORLDS.answer(case)), case["name"]


def golden_mac(owner: User) -> Caller:
    mac = enrolled(owner, "golden")
    assert mac.machine is not None
    Machine.objects.filter(pk=mac.machine.pk).update(public_id="m_golden")
    mac.machine.refresh_from_db()
    return mac


def answer_of(case: dict[str, Any], *, mac: Caller, service: Caller) -> bytes:
    caller = service if case["facts"] is None else mac
    if case["facts"] is not None:
        assert mac.machine is not None
        stand_in(mac.machine, WORLDS.facts_document(case["facts"]), age_s=case.get("facts_age_s", 3))
    answer = caller.ask(case["request"])
    assert answer.status_code == 200, answer.content
    return canonical(answer.json())


def stand_in(machine: Machine, world: dict[str, Any], *, age_s: int) -> None:
    """The machine reported this some seconds ago."""
    machine.report, machine.reported_at = world["report"], WORLDS.now - timedelta(seconds=age_s)
    machine.save()
    machine.benchmarks.all().delete()
    if world["benchmarks"]:
        measured = facts.benchmarks_from_document({"benchmarks": world["benchmarks"]})
        accept_benchmarks(machine=machine, benchmarks=measured)


def canonical(answer: dict[str, Any]) -> bytes:
    """Without the revision's number, which depends on what was published before."""
    return wire.canonical_answer(answer | {"policy": {"revision": 0}})


def test_nearly_all_golden_cases_can_be_asked_over_the_api() -> None:
    assert len(CASES) > 0.9 * len(read_cases())
