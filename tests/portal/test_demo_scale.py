"""The demo many times over: counted, answered by the engine, and gone again."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from machines.models import Benchmark, Health, InstalledModel, Machine, Runtime
from machines.queries import find_facts
from machines.tasks import watch_machines
from portal.accounts.models import ApiToken, User
from portal.demo.cast import MACS, PEOPLE
from portal.demo.services import DemoRefusedError, ensure_demo, make_demo, remove_demo
from portal.demo.story import tell_story
from portal.demo.tasks import keep_demo_alive
from routing.bundles import find_bundle_of_revision, forget_bundles
from routing.engine.answer import answer_document, canonical_answer
from routing.engine.decide import decide
from routing.engine.facts import Situation
from routing.engine.wire import Envelope, request_from_document
from routing.models import Decision, Receipt
from routing.receipts import receipts_from_document
from routing.redaction import redact

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

SCALE = 3
DAYS_OF_WORK = 6


@pytest.fixture(scope="module")
def made_once(kept_for_module: None) -> datetime:
    forget_bundles()
    now = datetime.now(UTC)
    make_demo(now=now, days_of_work=DAYS_OF_WORK, scale=SCALE)
    return now


@pytest.fixture
def demo(made_once: datetime, db: None) -> datetime:
    return made_once


def _copied() -> Any:
    return Decision.objects.filter(machine__name__regex=r"-[0-9]+$").select_related("machine")


def test_macs_projects_and_decisions_are_there_many_times_and_people_once(demo: datetime) -> None:
    asks = tell_story(now=demo, days=DAYS_OF_WORK)
    projects = {ask.project.remote for ask in asks if ask.project.remote}

    assert User.objects.count() == len(PEOPLE)
    assert Machine.objects.count() == ApiToken.objects.filter(kind="kmt").count() == SCALE * len(MACS)
    assert Decision.objects.count() == SCALE * len(asks)
    assert len(set(Decision.objects.exclude(remotes="").values_list("remotes", flat=True))) == SCALE * len(projects)
    for kind in (Runtime, InstalledModel, Benchmark):
        on_copies = kind._default_manager.filter(
            **{f"{'runtime__' if kind is InstalledModel else ''}machine__name__endswith": "-2"}
        )
        assert on_copies.count() * SCALE == kind._default_manager.count()


def test_every_copied_mac_is_as_the_one_that_it_copies(demo: datetime) -> None:
    states = Counter(Machine.objects.values_list("state", flat=True))

    assert states == {"online": 7 * SCALE} | dict.fromkeys(("degraded", "late", "offline", "missing"), SCALE)
    assert all(machine.name.startswith("demo-") for machine in Machine.objects.all())


def test_every_copied_answer_is_the_engines_for_its_request_and_facts(demo: datetime) -> None:
    known: dict[int, Any] = {}
    # The broken runtime was well until two days ago, and what it reported then is kept nowhere.
    for row in _copied().exclude(machine__name__contains="ito-mini"):
        facts = known.setdefault(row.machine_id, find_facts(row.machine).facts)
        bundle = find_bundle_of_revision(row.revision)
        assert bundle is not None
        answer = decide(
            request_from_document(_as_asked(row.request)),
            bundle=bundle,
            facts=facts,
            situation=Situation(now=row.at, facts_age_s=row.answer["facts"]["age_s"]),
        )
        envelope = Envelope(str(row.pk), row.at, row.decided_by, 0, "fresh", None, "agent")
        again: Any = redact(answer_document(answer, envelope, language="en"))

        assert canonical_answer(row.answer) == canonical_answer(again)


def _as_asked(logged: dict[str, Any]) -> dict[str, Any]:
    """The logged request as it may be sent again: the log keeps remotes without their scheme, and counts folders."""
    projects = [
        {
            **{key: value for key, value in one.items() if key != "paths_count"},
            "remotes": one["remotes"] and [f"https://{remote}" for remote in one["remotes"]],
        }
        for one in logged["projects"]
    ]
    return {**logged, "projects": projects}


def test_every_copied_row_agrees_with_its_own_answer(demo: datetime) -> None:
    rows = list(_copied().prefetch_related("receipts"))

    for row in rows:
        assert row.answer["id"] == str(row.pk)
        assert row.answer["machine"] == row.request["machine"] == row.machine.public_id
        assert row.answer["decided_by"] == row.decided_by
        assert (row.answer["backend"], row.answer["policy"]["revision"]) == (row.backend, row.revision)
        assert row.at <= datetime.fromisoformat(row.answer["valid_until"]) < row.at + timedelta(hours=1)
        assert demo - timedelta(days=DAYS_OF_WORK + 1) < row.at < demo
    assert {row.recheck for row in rows if row.decided_by == "agent"} == {"same"}
    assert len(rows) > 100


def test_every_copied_receipt_could_have_been_sent(demo: datetime) -> None:
    for row in _copied().filter(decided_by="agent").prefetch_related("receipts")[:200]:
        sent = [
            {
                "decision": {"id": str(row.pk), "request": _as_asked(row.request), "answer": row.answer},
                "kind": receipt.kind,
                "at": receipt.at.isoformat(),
                "launched": receipt.launched,
                "exit": receipt.exit_code,
                "preflight": receipt.preflight,
                "guard": receipt.guard,
            }
            for receipt in row.receipts.all()
        ]

        assert [one.kind for one in receipts_from_document({"receipts": sent})] in (["start", "end"], ["blocked"])
    assert not Receipt.objects.filter(received_at__gt=demo).exists()


def test_no_copied_work_under_nda_went_to_the_cloud(demo: datetime) -> None:
    protected = _copied().filter(remotes__contains="shinonome")

    assert protected.exists()
    assert not protected.filter(backend="cloud").exists()


def test_the_agents_of_the_copies_go_on_too(demo: datetime) -> None:
    Health.objects.update(seen_at=demo - timedelta(minutes=10), due_at=demo)

    keep_demo_alive.apply().get()
    watch_machines.apply().get()

    assert Machine.objects.filter(health__seen_at__gte=demo, state="online").count() == 8 * SCALE


def test_removing_takes_the_copies_along(demo: datetime) -> None:
    remove_demo()

    kinds = (User, ApiToken, Machine, Runtime, InstalledModel, Benchmark, Decision, Receipt)
    assert [kind.__name__ for kind in kinds if kind._default_manager.exists()] == []


def test_a_demo_that_is_there_is_not_scaled(demo: datetime) -> None:
    with pytest.raises(DemoRefusedError, match="holds a demo already"):
        ensure_demo(scale=2)

    assert Machine.objects.count() == SCALE * len(MACS)


def test_scale_and_remove_do_not_go_together(demo: datetime) -> None:
    with pytest.raises(CommandError, match="do not go together"):
        call_command("demo", "--scale", "2", "--remove")

    assert Machine.objects.exists()
