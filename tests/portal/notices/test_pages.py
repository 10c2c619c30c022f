"""Pages of notices: one's own choices, webhooks for admins only, and the outbox."""

from collections.abc import Callable
from datetime import time, timedelta
from ipaddress import ip_network

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.notices import delivery as outbox
from portal.notices.destinations import Wanted, add_destination
from portal.notices.models import Channel, Choice, Delivery, Destination
from portal.notices.services import notify
from tests.portal.notices.conftest import DATA, NOW

type SignIn = Callable[[User], Client]
WEBHOOK = {"name": "ops", "channel": "webhook", "url": "https://hooks.example.org/T0KEN", "language": "en", "kinds": []}


def bens_webhook(aiko: User, ben: User) -> Destination:
    wanted = Wanted(Channel.SLACK, name="ben", url="https://hooks.example.org/x", kinds=[], language="en", person=ben)
    return add_destination(wanted=wanted, by=aiko)[0]


def test_choices_and_quiet_hours_are_kept_and_shown(client_of: SignIn, ben: User) -> None:
    client = client_of(ben)

    answer = client.post("/notices/", {"kinds": ["machine.offline"], "quiet_from": "22:00", "quiet_to": "07:00"})

    assert answer.status_code == 302
    choice = Choice.objects.get(person=ben)
    assert "machine.online" in choice.muted_by_mail
    assert "machine.offline" not in choice.muted_by_mail
    assert (choice.quiet_from, choice.quiet_to) == (time(22), time(7))
    page = client.get("/notices/").content.decode()
    assert "22:00" in page
    assert "Asia/Tokyo" in page


def test_one_end_of_the_quiet_hours_is_not_enough(client_of: SignIn, ben: User) -> None:
    answer = client_of(ben).post("/notices/", {"quiet_from": "22:00"})

    assert answer.status_code == 422
    assert "Give both hours" in answer.content.decode()
    assert not Choice.objects.exists()


def test_a_developer_is_not_offered_what_is_for_admins(client_of: SignIn, aiko: User, ben: User) -> None:
    assert b"notice.dead" not in client_of(ben).get("/notices/").content
    assert b"notice.dead" in client_of(aiko).get("/notices/").content


def test_a_snooze_begins_and_ends(client_of: SignIn, ben: User) -> None:
    client = client_of(ben)

    client.post("/notices/snooze", {"hours": "4"})
    assert Choice.objects.get(person=ben).snoozed_until == NOW + timedelta(hours=4)
    assert "Nothing comes until" in client.get("/notices/").content.decode()

    client.post("/notices/snooze", {"end": "1"})
    assert Choice.objects.get(person=ben).snoozed_until is None


def test_the_test_button_sends_one_mail_a_minute_even_in_quiet_hours(client_of: SignIn, ben: User) -> None:
    client = client_of(ben)
    client.post("/notices/snooze", {"hours": "4"})

    client.post("/notices/test")
    second = client.post("/notices/test", follow=True)

    assert outbox.deliver_due() == 1
    assert "Wait a minute" in second.content.decode()


def test_a_webhooks_secret_is_shown_once_and_its_address_never(client_of: SignIn, aiko: User) -> None:
    client = client_of(aiko)

    added = client.post("/notices/webhooks/", WEBHOOK)
    later = client.get("/notices/webhooks/").content.decode()

    assert "it is shown only now" in added.content.decode()
    assert "no-store" in added.headers["Cache-Control"]
    assert "shown only now" not in later
    assert "hooks.example.org" in later
    assert "T0KEN" not in added.content.decode() + later


def test_a_refused_address_does_not_come_back_in_the_form(client_of: SignIn, aiko: User) -> None:
    answer = client_of(aiko).post("/notices/webhooks/", {**WEBHOOK, "url": "https://10.0.0.1/T0KEN"})

    assert answer.status_code == 422
    assert "does not connect to this address" in answer.content.decode()
    assert "T0KEN" not in answer.content.decode()
    assert not Destination.objects.exists()


def test_a_developer_can_neither_see_nor_add_webhooks(client_of: SignIn, ben: User) -> None:
    client = client_of(ben)

    assert client.get("/notices/webhooks/").status_code == 403
    assert client.post("/notices/webhooks/", WEBHOOK).status_code == 403
    assert not Destination.objects.exists()


def test_the_owner_of_a_webhook_chooses_and_tests_it_and_an_outsider_does_not_find_it(
    client_of: SignIn, aiko: User, ben: User, chie: User
) -> None:
    webhook = bens_webhook(aiko, ben)
    kinds = {f"{webhook.public_id}-kinds": ["machine.offline"]}

    assert client_of(chie).post(f"/notices/webhooks/{webhook.public_id}/kinds", kinds).status_code == 404
    assert client_of(chie).post(f"/notices/webhooks/{webhook.public_id}/test").status_code == 404
    assert client_of(ben).post(f"/notices/webhooks/{webhook.public_id}/kinds", kinds).status_code == 302
    assert client_of(ben).post(f"/notices/webhooks/{webhook.public_id}/test").status_code == 302

    webhook.refresh_from_db()
    assert webhook.kinds == ["machine.offline"]
    assert Delivery.objects.get().destination == webhook


def test_removing_a_webhook_is_for_admins(client_of: SignIn, aiko: User, ben: User) -> None:
    webhook = bens_webhook(aiko, ben)

    assert client_of(ben).post(f"/notices/webhooks/{webhook.public_id}/remove").status_code == 403
    assert client_of(aiko).post(f"/notices/webhooks/{webhook.public_id}/remove").status_code == 302

    webhook.refresh_from_db()
    assert webhook.removed_at is not None


def test_dead_letters_are_listed_with_their_reason_and_sent_again(client_of: SignIn, aiko: User, ben: User) -> None:
    notify(kind="machine.offline", key="k", subject="m_1", data=DATA, to=[ben])
    notify(kind="machine.offline", key="k2", subject="m_1", data=DATA, to=[aiko])
    dead = Delivery.objects.filter(person=ben)
    dead.update(state="dead", ended_at=NOW, attempts=12, reason="mail.server_away")
    client = client_of(aiko)

    page = client.get("/notices/deliveries/?dead=1").content.decode()
    assert "mail.server_away" in page
    assert page.count("Send again") == 1

    client.post(f"/notices/deliveries/{dead.get().public_id}/resend")
    assert (dead.get().state, dead.get().attempts) == ("waiting", 0)
    assert AuditEntry.objects.filter(action="notice.resent", by=aiko).exists()
    assert client.post(f"/notices/deliveries/{dead.get().public_id}/resend").status_code == 404


def test_everybody_sees_what_was_sent_to_them_alone(client_of: SignIn, ben: User, chie: User) -> None:
    notify(kind="machine.offline", key="k", subject="m_1", data=DATA, to=[ben])

    mine, others = (
        client_of(person).get("/notices/", headers={"HX-Request": "true"}).content.decode() for person in (ben, chie)
    )
    assert "Offline: ben-mini" in mine
    assert "Offline" not in others


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_names_of_webhooks_are_text(name: str, client_of: SignIn, aiko: User, settings: Settings) -> None:
    settings.WEBHOOK_NETWORKS = (ip_network("10.0.0.0/8"),)
    client = client_of(aiko)
    client.post("/notices/webhooks/", {**WEBHOOK, "name": name, "url": "http://10.0.0.1/x"})

    assert name not in client.get("/notices/webhooks/").content.decode()


def test_the_deliveries_page_costs_a_fixed_number_of_queries(
    client_of: SignIn, aiko: User, django_assert_num_queries: Callable[..., object]
) -> None:
    client = client_of(aiko)
    for number in range(20):
        notify(kind="machine.offline", key=f"k{number}", subject="m_1", data=DATA)

    with django_assert_num_queries(5):  # type: ignore[attr-defined] # session, person, head, rows, depth
        client.get("/notices/deliveries/")
