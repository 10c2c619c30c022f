"""What is old goes, what is young or evidence stays, and stopping in the middle does no harm."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.db.models import ProtectedError, QuerySet
from pytest_django import DjangoAssertNumQueries

from machines.enrolment import create_join_key
from machines.models import Enrolment, JoinKey, Machine
from portal import env
from portal.accounts.invitations import invite_person
from portal.accounts.models import ApiToken, Invitation, Scope, TokenKind, User
from portal.accounts.tokens import issue_service_token, issue_token, revoke_token
from portal.audit.models import AuditEntry
from portal.incidents.kinds import IncidentKind
from portal.incidents.models import Incident
from portal.notices.models import Delivery, Notice
from portal.notices.services import notify
from portal.retention import services
from portal.retention.services import delete_in_batches, forget_old_rows, old_decisions
from portal.retention.tasks import forget_old_rows_hourly
from routing.models import Decision, PolicyRevision, Receipt, SessionFloor
from routing.services import ensure_first_revision

NOW = datetime(2026, 11, 25, tzinfo=UTC)
OLD, YOUNG = NOW - timedelta(days=91), NOW - timedelta(days=89)

pytestmark = pytest.mark.django_db


def decided(at: datetime) -> Decision:
    columns: dict[str, Any] = {"request": {}, "answer": {}, "revision": 1, "classification": "open"}
    return Decision.objects.create(
        at=at, decided_by="portal", task="commit-message", backend="local", effect="cloud_ok", **columns
    )


def received(decision: Decision, at: datetime, kind: str = "start") -> Receipt:
    receipt = Receipt.objects.create(decision=decision, kind=kind, at=decision.at)
    Receipt.objects.filter(pk=receipt.pk).update(received_at=at)
    return receipt


def test_decisions_and_receipts_go_after_their_days() -> None:
    received(decided(OLD), OLD)
    young = received(decided(YOUNG), YOUNG)

    done = forget_old_rows(now=NOW)

    assert (done["decisions"], done["receipts"]) == (1, 1)
    assert list(Decision.objects.all()) == [young.decision]
    assert list(Receipt.objects.all()) == [young]


def test_old_decision_with_a_young_receipt_stays_for_the_macs_clock_may_be_wrong() -> None:
    late = received(decided(NOW - timedelta(days=4000)), YOUNG)

    forget_old_rows(now=NOW)

    assert Receipt.objects.get() == late


def test_receipts_go_with_their_decision_at_the_latest(settings: Any) -> None:
    settings.RECEIPTS_KEEP_DAYS = 3650
    received(decided(OLD), OLD)

    assert forget_old_rows(now=NOW)["decisions"] == 1
    assert not Receipt.objects.exists()


def test_days_are_settings(settings: Any) -> None:
    settings.DECISIONS_KEEP_DAYS = 10
    decided(YOUNG)

    assert forget_old_rows(now=NOW)["decisions"] == 1


def test_enrolments_tokens_invitations_and_sessions_go_after_their_end(aiko: User) -> None:
    for at in (OLD, YOUNG):
        digest = uuid.uuid4().hex
        times = {"created_at": at - timedelta(minutes=10), "expires_at": at}
        Enrolment.objects.create(
            name="mac", code_digest=digest, poll_digest=digest, hardware={}, address="::1", **times
        )
    create_join_key(uses=1, lifetime=timedelta(hours=1), by=aiko)
    issue_service_token(name="old", scope=Scope.READ, by=aiko)
    revoked = issue_service_token(name="revoked", scope=Scope.READ, by=aiko).row
    revoke_token(token=revoked, by=aiko)
    kept = issue_service_token(name="kept", scope=Scope.READ, by=aiko).row
    ApiToken.objects.exclude(pk=kept.pk).update(created_at=OLD - timedelta(days=1))
    ApiToken.objects.exclude(pk__in=(kept.pk, revoked.pk)).update(expires_at=OLD)
    ApiToken.objects.filter(pk=revoked.pk).update(revoked_at=OLD)
    invite_person(by=aiko, email="dan@example.org", name="Dan", role="developer")
    Invitation.objects.update(expires_at=OLD)
    SessionFloor.objects.create(asker="m_1", session="old", effect="local_only", asked_at=OLD)
    SessionFloor.objects.create(asker="m_1", session="young", effect="local_only", asked_at=YOUNG)
    Session.objects.create(session_key="a", session_data="", expire_date=NOW - timedelta(seconds=1))
    Session.objects.create(session_key="b", session_data="", expire_date=NOW + timedelta(hours=1))

    done = forget_old_rows(now=NOW)

    assert done == {
        "receipts": 0,
        "decisions": 0,
        "enrolments": 1,
        "tokens": 3,
        "invitations": 1,
        "notices": 0,
        "incidents": 0,
        "state_changes": 0,
        "availability": 0,
        "session_floors": 1,
        "sessions": 1,
    }
    assert list(ApiToken.objects.all()) == [kept]
    assert not JoinKey.objects.exists()
    assert Enrolment.objects.get().expires_at == YOUNG


def test_audit_revisions_and_tokens_of_macs_are_kept() -> None:
    ensure_first_revision()
    AuditEntry.objects.update(at=NOW - timedelta(days=4000))
    token = issue_token(
        kind=TokenKind.MACHINE, scope=Scope.MACHINE, name="mac", expires_at=datetime.max.replace(tzinfo=UTC)
    ).row
    ApiToken.objects.update(created_at=OLD - timedelta(days=1), expires_at=OLD)
    Machine.objects.create(name="mac", token=token, state_since=OLD, created_at=OLD)

    forget_old_rows(now=NOW)

    assert AuditEntry.objects.count() == 1
    assert PolicyRevision.objects.count() == 1
    assert ApiToken.objects.filter(pk=token.pk).exists()


def test_batches_are_bounded_and_the_rest_waits_for_the_next_hour(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(services, "BATCH_ROWS", 3)
    monkeypatch.setattr(services, "BATCHES", 2)
    for _ in range(8):
        decided(OLD)
    young = decided(YOUNG)

    assert forget_old_rows(now=NOW)["decisions"] == 6
    assert forget_old_rows(now=NOW)["decisions"] == 2
    assert forget_old_rows(now=NOW)["decisions"] == 0
    assert list(Decision.objects.all()) == [young]
    with django_assert_num_queries(11):
        forget_old_rows(now=NOW)


def test_failure_in_a_batch_keeps_what_the_batches_before_have_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "BATCH_ROWS", 2)
    for _ in range(3):
        decided(OLD)
    [*_, last] = Decision.objects.order_by("pk")
    received(last, OLD)

    def fail_at_last(batch: QuerySet[Decision]) -> None:
        """Deletes no receipts, so that the database protects the last decision."""

    with pytest.raises(ProtectedError):
        delete_in_batches(old_decisions(NOW), first=fail_at_last)

    assert list(Decision.objects.all()) == [last]


def test_scheduled_task_deletes_by_todays_date() -> None:
    decided(datetime(2020, 1, 1, tzinfo=UTC))

    forget_old_rows_hourly.run()

    assert not Decision.objects.exists()


@pytest.mark.parametrize("odd", ["", "0", "-1", "1.5", "ninety", "9_0", "٩", "36501", "9" * 5000])
def test_odd_number_of_days_is_refused_by_name(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIRIKAE_DECISIONS_KEEP_DAYS", odd)

    with pytest.raises(ImproperlyConfigured, match="KIRIKAE_DECISIONS_KEEP_DAYS"):
        env.read_days("KIRIKAE_DECISIONS_KEEP_DAYS", default=90)


def test_notices_and_ended_incidents_go_and_what_still_waits_stays(ben: User, settings: Any) -> None:
    settings.MAIL_FROM = "kirikae@example.org"
    for key in ("sent", "waiting"):
        notify(kind="test", key=key, subject="x", data={"person": "Ben"}, to=[ben])
    Notice.objects.update(at=OLD)
    Delivery.objects.filter(notice__key="sent").update(state="sent", ended_at=OLD)
    for kind, closed_at in ((IncidentKind.OFFLINE, OLD), (IncidentKind.DEGRADED, None)):
        Incident.objects.create(kind=kind, opened_at=OLD, latest_at=OLD, closed_at=closed_at)

    done = forget_old_rows(now=NOW)

    assert (done["notices"], done["incidents"]) == (1, 1)
    assert Notice.objects.get().key == "waiting"
    assert Incident.objects.get().kind == IncidentKind.DEGRADED
