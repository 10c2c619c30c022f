"""Webhooks: signed, pinned, bounded, never redirected, and without a word of the address in logs."""

import hashlib
import hmac
import json
import logging
import re
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.common import pinned_http
from portal.notices import delivery as outbox
from portal.notices.destinations import UrlRefusedError, Wanted, add_destination, check_url, remove_destination
from portal.notices.models import Channel, Delivery, Destination
from portal.notices.services import notify
from portal.notices.webhooks import sign, slack_text
from portal.notices.wording import Wording
from tests.portal.notices.conftest import DATA, NOW
from tests.receiver import Receiver, running_receiver, with_status

KINDS = ["machine.offline"]


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_NETWORKS = (ip_network("127.0.0.1/32"),)
    with running_receiver() as running:
        yield running


def add(
    by: User, url: str, *, channel: Channel = Channel.WEBHOOK, person: User | None = None
) -> tuple[Destination, str]:
    wanted = Wanted(channel=channel, name="ops", url=url, kinds=KINDS, language="ja", person=person)
    return add_destination(wanted=wanted, by=by)


def tell(machines: list[str] | None = None) -> None:
    notify(kind="machine.offline", key="k", subject="m_1", data={**DATA, "machines": machines or ["mini"]})


def sent_to(receiver: Receiver) -> Delivery:
    outbox.deliver_due()
    return Delivery.objects.get(channel__in=["webhook", "slack"])


def test_a_signed_webhook_can_be_checked_as_the_documentation_says(aiko: User, receiver: Receiver) -> None:
    _destination, secret = add(aiko, receiver.url)
    tell()

    assert sent_to(receiver).state == "sent"

    [received] = receiver.received
    code = re.search(r"```python\n(.*?)```", Path("docs/notices.md").read_text(), re.DOTALL)
    assert code is not None
    names: dict[str, object] = {}
    exec(code[1], names)  # noqa: S102 - the documentation's own function
    is_genuine = names["is_genuine"]
    assert callable(is_genuine)
    signature = received.header("Kirikae-Signature")
    now = NOW.timestamp()
    assert is_genuine(received.body, signature, secret, now)
    assert not is_genuine(received.body + b" ", signature, secret, now)
    assert not is_genuine(received.body, signature, "another", now)
    assert not is_genuine(received.body, signature, secret, now + 301)
    document = json.loads(received.body)
    assert document["kind"] == "machine.offline"
    assert document["title"] == "オフライン：mini"
    assert document["id"] == received.header("Kirikae-Delivery")
    assert document["link"] == "https://kirikae.example.org/incidents/i_1/"


def test_the_signature_covers_time_and_body() -> None:
    at = datetime(2026, 11, 25, tzinfo=UTC)
    seconds = int(at.timestamp())

    expected = hmac.new(b"secret", f"{seconds}.".encode() + b"{}", hashlib.sha256).hexdigest()

    assert sign(b"{}", secret="secret", at=at) == f"t={seconds},v1={expected}"


def test_slack_gets_text_in_which_no_name_is_markup(aiko: User, receiver: Receiver) -> None:
    add(aiko, receiver.url, channel=Channel.SLACK)
    tell(["<!channel> & <https://evil.example|mini>"])

    sent_to(receiver)

    [received] = receiver.received
    assert received.header("Kirikae-Signature") == ""
    text = json.loads(received.body)["text"]
    assert "<!channel>" not in text
    assert "&lt;!channel&gt; &amp; &lt;https:" in text
    assert "|mini&gt;" in text


@pytest.mark.parametrize(
    "name",
    [
        "@channel", "@all", "@here", "![x](https://evil.example/x.png)", "[mini](https://evil.example)",
        "https://evil.example/sign-in", "see evil.example", "//evil.example", "https://[::1]/",
    ],
)  # fmt: skip
def test_no_name_is_markup_for_those_who_read_slacks_messages_in_their_own_way(name: str) -> None:
    text = slack_text(Wording(title=f"Offline: {name}", text=name, page="/", language="en"))

    words, _, link = text.rpartition("\n")
    assert link == "<https://kirikae.example.org/>"
    assert not any(mark in words for mark in ("@channel", "@all", "@here", "](", "://", "evil.example"))


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (302, "waiting", "webhook.http_302"),
        (404, "waiting", "webhook.http_404"),
        (410, "dead", "webhook.http_410"),
        (500, "waiting", "webhook.http_500"),
    ],
)
def test_other_answers_are_tried_again_and_redirects_are_not_followed(
    status: int, state: str, reason: str, aiko: User, receiver: Receiver
) -> None:
    receiver.answer = with_status(status, "Location: http://127.0.0.1:1/elsewhere")
    add(aiko, receiver.url)
    tell()

    found = sent_to(receiver)

    assert (found.state, found.reason, receiver.connections) == (state, reason, 1)


@pytest.mark.slow
def test_a_receiver_that_sends_a_byte_now_and_then_is_cut_off(
    aiko: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinned_http, "TOTAL_S", 0.5)

    def drip(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n" * 10:
            connection.sendall(bytes([byte]))
            if receiver.is_over.wait(0.1):
                return

    receiver.answer = drip
    add(aiko, receiver.url)
    tell()
    begun = time.perf_counter()

    found = sent_to(receiver)

    assert found.reason == "webhook.timeout"
    assert time.perf_counter() - begun < 3


def test_a_body_without_end_is_not_read(aiko: User, receiver: Receiver) -> None:
    def pour(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while not receiver.is_over.is_set():
            connection.sendall(b"x" * 65536)

    receiver.answer = pour
    add(aiko, receiver.url)
    tell()

    assert sent_to(receiver).state == "sent"


def test_an_address_outside_the_list_is_refused_without_a_connection(
    aiko: User, receiver: Receiver, settings: Settings
) -> None:
    add(aiko, receiver.url)
    settings.WEBHOOK_NETWORKS = ()
    tell()

    found = sent_to(receiver)

    assert (found.state, found.reason, receiver.connections) == ("dead", "webhook.address_refused", 0)


def test_a_name_that_leads_inside_is_refused_whatever_it_said_before(
    aiko: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(aiko, "https://hooks.example.org/x")
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: inside)
    tell()

    outbox.deliver_due()

    assert Delivery.objects.get(channel="webhook").reason == "webhook.address_refused"


def test_plain_http_is_for_listed_addresses_only(aiko: User, monkeypatch: pytest.MonkeyPatch) -> None:
    add(aiko, "http://hooks.example.org/x")
    outside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: outside)
    tell()

    outbox.deliver_due()

    assert Delivery.objects.get(channel="webhook").reason == "webhook.needs_https"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://hooks.example.org/x", "scheme"),
        ("https://", "malformed"),
        ("https://user:secret@hooks.example.org/x", "userinfo"),
        ("https://hooks.example.org/x#y", "userinfo"),
        ("https://hooks.example.org:0/x", "malformed"),
        ("https://hooks.example.org:99999/x", "malformed"),
        ("https://hooks example.org/x", "malformed"),
        ("https://ｈｏｏｋｓ.example.org/x", "malformed"),
        ("https://hooks.example.org/\nx", "malformed"),
        ("https://127.0.0.1/x", "address"),
        ("https://[::1]/x", "address"),
        ("https://[::ffff:169.254.169.254]/x", "address"),
        ("https://10.0.0.1/x", "address"),
        ("http://1.1.1.1/x", "address"),
        ("https://" + "a" * 300 + ".org/x", "malformed"),
        ("https://hooks.example.org/" + "x" * 1000, "malformed"),
    ],
)
def test_odd_addresses_are_refused_when_they_are_entered(url: str, code: str) -> None:
    with pytest.raises(UrlRefusedError) as refused:
        check_url(url)

    assert refused.value.code == code


def test_address_and_secret_are_sealed_in_the_database_and_in_no_log_or_audit_entry(
    aiko: User, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answer = with_status(500)
    destination, secret = add(aiko, f"{receiver.url}/T0KEN")
    tell()
    sent_to(receiver)

    stored = " ".join(str(value) for value in Destination.objects.values_list().get())
    told = caplog.text + " ".join(str(entry.data) for entry in AuditEntry.objects.all()) + repr(destination)
    for hidden in ("T0KEN", secret):
        assert hidden not in stored
        assert hidden not in told


def test_under_another_pepper_the_destination_is_told_to_be_entered_again(
    aiko: User, receiver: Receiver, settings: Settings
) -> None:
    add(aiko, receiver.url)
    settings.TOKEN_PEPPERS = ["another"]
    tell()

    assert sent_to(receiver).reason == "webhook.secret_unreadable"


def test_what_waits_for_a_removed_destination_is_not_sent(aiko: User, receiver: Receiver) -> None:
    destination, _secret = add(aiko, receiver.url)
    tell()

    remove_destination(destination=destination, by=aiko)

    assert sent_to(receiver).state == "withdrawn"
    destination.refresh_from_db()
    assert (destination.sealed_url, receiver.connections) == ("", 0)


def test_a_persons_own_webhook_speaks_their_language_and_hears_only_of_theirs(
    aiko: User, ben: User, receiver: Receiver
) -> None:
    add(aiko, receiver.url, person=ben)
    tell()
    notify(kind="machine.offline", key="k2", subject="m_1", data=DATA, to=[ben])

    outbox.deliver_due()

    [received] = receiver.received
    assert json.loads(received.body)["language"] == "en"
