"""A machine's health in decisions about it: asleep, away, in quarantine, and asked by itself."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from machines.health.standing import quarantine_machine, release_machine
from machines.models import Health, Machine
from portal.accounts.models import User
from tests.routing.conftest import Caller

pytestmark = pytest.mark.django_db
OPEN = [{"remotes": ["git@github.com:example/site.git"]}]


def ask(caller: Caller, mac: Caller, **more: Any) -> Any:
    assert mac.machine is not None
    return caller.ask({"task": "commit-message", "machine": mac.machine.public_id, **more}).json()


@pytest.mark.parametrize(
    ("state", "code"), [("asleep", "machine_asleep"), ("offline", "machine_away"), ("missing", "machine_away")]
)
def test_machine_that_is_not_there_is_no_backend_and_the_remedy_is_to_wake_it(
    service: Caller, ben_mini: Caller, state: str, code: str
) -> None:
    Machine.objects.update(state=state)

    answer = ask(service, ben_mini)

    assert answer["backend"] != "local"
    local = next(one for one in answer["alternatives"] if one["backend"] == "local")
    assert (local["blocked_by"], local["remedy"]["code"]) == (code, "wake_machine")


@pytest.mark.parametrize("state", ["asleep", "offline", "missing", "late"])
def test_machine_that_asks_for_itself_is_evidently_there(ben_mini: Caller, state: str) -> None:
    Machine.objects.update(state=state)

    assert ask(ben_mini, ben_mini)["backend"] == "local"


def test_quarantined_machine_gets_local_answers_only_and_no_policy(ben_mini: Caller, aiko: User) -> None:
    assert ben_mini.machine is not None
    Health.objects.update(seen_at=timezone.now(), due_at=timezone.now() + timedelta(minutes=1))
    quarantine_machine(machine=ben_mini.machine, by=aiko)

    answer = ask(ben_mini, ben_mini, task="architecture-design")
    bundle = ben_mini.client.get("/api/v1/bundle")
    heard = ben_mini.client.post("/api/v1/heartbeats", {"state": None}, content_type="application/json").json()

    assert answer["backend"] != "cloud"
    assert answer["privacy"]["effect"] == "local_only"
    assert (bundle.status_code, bundle.json()["code"]) == (403, "machine.quarantined")
    # By which the agent asks for the bundle and is told: what it has is not confirmed.
    assert (heard["policy_epoch"], heard["policy_revision"]) == (0, 0)
    release_machine(machine=ben_mini.machine, by=aiko)
    assert ben_mini.client.get("/api/v1/bundle").status_code == 200
