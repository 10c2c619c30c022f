"""A notice is there if and only if its cause is, and reaches each receiver once or more, never less."""

import smtplib
from collections.abc import Callable
from datetime import time, timedelta
from email import message_from_bytes
from email.policy import default

import pytest
import time_machine
from django.core import mail
from django.db import transaction
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts.models import Role, User
from portal.common.models import PolicyHead
from portal.notices import delivery as outbox
from portal.notices.choices import Wishes, choose, snooze
from portal.notices.models import Choice, Delivery, Notice
from portal.notices.services import notify, withdraw
from portal.notices.wording import UNSEEN
from tests.portal.notices.conftest import DATA, NOW

State = Delivery.State


def tell(*people: User, key: str = "k", kind: str = "machine.offline") -> Notice | None:
    return notify(kind=kind, key=key, subject="m_1", data=DATA, to=people or None)


def failing(error: BaseException) -> Callable[..., int]:
    def fail(*_: object, **__: object) -> int:
        raise error

    return fail


def test_a_notice_is_mailed_in_the_receivers_language_with_a_link(ben: User) -> None:
    ben.remember_language("ja")
    tell(ben)

    assert outbox.deliver_due() == 1

    [message] = mail.outbox
    assert message.to == ["ben@example.org"]
    assert message.subject == "[Kirikae] オフライン：ben-mini"
    assert "2026-11-23 17:55 JST" in message.body
    assert "https://kirikae.example.org/incidents/i_1/" in message.body
    assert message.body.endswith("通知の内容を選ぶ：https://kirikae.example.org/notices/\n")
    assert message.extra_headers["Message-ID"].endswith("@example.org>")


def test_a_notice_goes_with_its_cause_when_the_transaction_fails(ben: User) -> None:
    with transaction.atomic():
        tell(ben)
        transaction.set_rollback(True)

    assert not Notice.objects.exists()
    assert outbox.deliver_due() == 0


def test_the_same_key_tells_nobody_twice(ben: User) -> None:
    assert tell(ben) is not None
    assert tell(ben) is None

    assert outbox.deliver_due() == 1
    assert outbox.deliver_due() == 0
    assert len(mail.outbox) == 1


def test_without_names_the_admins_are_told_and_nobody_else(aiko: User, ben: User, chie: User) -> None:
    chie.role = Role.AUDITOR
    chie.save()

    tell()

    assert [one.person for one in Delivery.objects.all()] == [aiko]


def test_people_whose_account_is_closed_are_not_told(ben: User) -> None:
    User.objects.update(is_active=False)
    ben.refresh_from_db()

    tell(ben)

    assert not Delivery.objects.exists()


def test_who_was_told_to_wait_and_has_no_account_any_more_is_told_nothing(ben: User, chie: User) -> None:
    tell(ben, chie)
    User.objects.filter(pk=ben.pk).update(is_active=False)

    assert outbox.deliver_due() == 1

    assert [message.to for message in mail.outbox] == [["chie@example.org"]]
    assert Delivery.objects.get(person=ben).state == State.WITHDRAWN


def test_without_a_mail_server_no_mail_waits(ben: User, settings: Settings) -> None:
    settings.MAIL_FROM = ""

    tell(ben)

    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(), "mail.server_away"),
        (TimeoutError(), "mail.server_away"),
        (smtplib.SMTPAuthenticationError(535, b"no"), "mail.sign_in_refused"),
        (smtplib.SMTPDataError(451, b"later"), "mail.refused"),
        (smtplib.SMTPRecipientsRefused({"ben@example.org": (450, b"greylisted")}), "mail.recipient_refused"),
    ],
)
def test_a_failed_mail_is_tried_again_later(
    error: Exception, reason: str, ben: User, monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    tell(ben)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", failing(error))
        assert outbox.deliver_due() == 0

    waiting = Delivery.objects.get()
    assert (waiting.state, waiting.attempts, waiting.reason) == (State.WAITING, 1, reason)
    assert NOW <= waiting.due_at <= NOW + timedelta(seconds=10)

    clock.shift(11)
    assert outbox.deliver_due() == 1
    assert Delivery.objects.get().state == State.SENT


def test_an_address_that_does_not_exist_is_given_up_at_once(ben: User, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(ben)
    error = smtplib.SMTPRecipientsRefused({"ben@example.org": (550, b"no such user")})
    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", failing(error))

    outbox.deliver_due()

    assert Delivery.objects.get().state == State.DEAD


def test_tries_end_and_the_delivery_is_dead(
    ben: User, monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    tell(ben)
    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", failing(OSError()))

    for _ in range(outbox.ATTEMPTS):
        outbox.deliver_due()
        clock.shift(3601)

    dead = Delivery.objects.get()
    assert (dead.state, dead.attempts) == (State.DEAD, outbox.ATTEMPTS)
    assert outbox.deliver_due() == 0


def test_pauses_double_up_to_an_hour_and_are_random_below_that() -> None:
    longest = [outbox.pause(attempts, share=1).total_seconds() for attempts in range(1, 12)]

    assert longest == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    assert outbox.pause(3, share=0.5).total_seconds() == 20


def test_a_sender_that_died_lets_go_and_the_notice_comes_once_more_under_its_key(
    ben: User, monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    tell(ben)
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "_settle", failing(SystemExit()))
        with pytest.raises(SystemExit):
            outbox.deliver_due()

    assert outbox.deliver_due() == 0
    clock.shift(61)
    assert outbox.deliver_due() == 1

    keys = {message.extra_headers["Message-ID"] for message in mail.outbox}
    assert (len(mail.outbox), len(keys)) == (2, 1)


def test_what_is_withdrawn_in_time_is_not_sent(ben: User) -> None:
    tell(ben)

    assert withdraw(key="k") == 1
    assert outbox.deliver_due() == 0
    assert Delivery.objects.get().state == State.WITHDRAWN


def test_names_with_line_breaks_cannot_add_heads_to_a_mail(ben: User) -> None:
    data = {**DATA, "machines": ["mini\r\nBcc: chie@example.org"]}
    notify(kind="machine.offline", key="k", subject="m_1", data=data, to=[ben])

    outbox.deliver_due()

    [message] = mail.outbox
    assert message.recipients() == ["ben@example.org"]
    assert "\n" not in message.subject


@pytest.mark.parametrize(
    "name",
    [
        "=?unicode_escape?q?=5Cud800?=",
        "=?x-unknown?b?AAAA?=",
        "=?utf-8?q?=0D=0ABcc:_chie@example.org?=",
        "=?utf-8?q??=",
    ],
)
def test_a_name_that_a_head_would_decode_stays_as_it_is_written(name: str, ben: User) -> None:
    notify(kind="machine.offline", key="k", subject="m_1", data={**DATA, "machines": [name, "mini"]}, to=[ben])

    assert outbox.deliver_due() == 1

    subject = message_from_bytes(mail.outbox[0].message().as_bytes(), policy=default)["Subject"]
    assert subject.replace(UNSEEN, "") == f"[Kirikae] Offline: {name}, mini"


def test_forty_macs_are_ten_names_and_a_number(ben: User) -> None:
    data = {**DATA, "machines": [f"mac-{number}" for number in range(40)], "count": 40}
    notify(kind="machine.offline", key="k", subject="m_1", data=data, to=[ben])

    outbox.deliver_due()

    assert "mac-9 and 30 more" in mail.outbox[0].body


def test_a_notice_without_the_words_of_its_kind_is_refused_where_it_is_written(ben: User) -> None:
    with pytest.raises(ValueError, match="incident, machines, since"):
        notify(kind="machine.offline", key="k", subject="m_1", data={}, to=[ben])


def test_a_kind_that_was_switched_off_is_not_mailed(ben: User) -> None:
    Choice.objects.create(person=ben, muted_by_mail=["machine.offline"])

    tell(ben)

    assert not Delivery.objects.exists()


def test_a_snooze_that_begins_after_the_notice_still_holds_it_back(ben: User, clock: time_machine.Traveller) -> None:
    tell(ben)
    Choice.objects.create(person=ben, snoozed_until=NOW + timedelta(hours=2))

    assert outbox.deliver_due() == 0
    clock.shift(7201)
    assert outbox.deliver_due() == 1
    assert Delivery.objects.get().attempts == 1


def test_what_waits_comes_when_a_snooze_is_ended_early(ben: User, clock: time_machine.Traveller) -> None:
    snooze(until=NOW + timedelta(days=7), by=ben)
    tell(ben)
    assert outbox.deliver_due() == 0
    clock.shift(3600)

    snooze(until=None, by=ben)

    assert outbox.deliver_due() == 1


def test_quiet_hours_that_are_shortened_let_go_what_they_held_and_keep_what_is_within(ben: User) -> None:
    # It is 18:00.
    choose(wishes=Wishes(["machine.offline"], time(17), time(9)), by=ben)
    tell(ben)

    choose(wishes=Wishes(["machine.offline"], time(17), time(20)), by=ben)
    assert outbox.deliver_due() == 0
    assert Delivery.objects.get().due_at == NOW + timedelta(hours=2)

    choose(wishes=Wishes(["machine.offline"], None, None), by=ben)
    assert outbox.deliver_due() == 1


def test_what_waits_for_a_morning_holds_up_nobody_elses(ben: User, chie: User) -> None:
    for number in range(outbox.BATCH + 1):
        tell(ben, key=f"b{number}")
    Choice.objects.create(person=ben, snoozed_until=NOW + timedelta(hours=2))
    tell(chie, key="c")

    assert outbox.deliver_due() == 1


def test_a_demos_invented_addresses_get_no_mail(ben: User) -> None:
    PolicyHead.objects.update(is_demo=True)

    tell(ben)

    assert not Delivery.objects.exists()


def test_a_notice_of_another_version_is_given_up_after_three_tries_and_holds_up_no_other(
    aiko: User, ben: User, client_of: Callable[[User], Client], clock: time_machine.Traveller
) -> None:
    tell(ben, key="strange")
    Notice.objects.update(kind="of.another.version")
    tell(ben, key="good")

    for _ in range(3):
        outbox.deliver_due()
        clock.shift(60)

    strange, good = Delivery.objects.order_by("pk")
    assert (strange.state, strange.attempts, strange.reason) == (State.DEAD, 3, "notice.unreadable")
    assert (good.state, good.attempts) == (State.SENT, 1)
    assert "of.another.version" in client_of(aiko).get("/notices/deliveries/").content.decode()
