"""Coming in: by a code that a person approves, and by a counted join key."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from itertools import count

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from machines.enrolment import CodeRefusedError, approve_enrolment, create_join_key, look_up_code
from machines.models import CodeTries, Enrolment, Machine
from portal.accounts.models import ApiToken, User
from portal.audit.models import AuditEntry
from portal.audit.services import OPERATOR
from portal.common.signing import public_key_base64
from tests.machines.conftest import ENROLMENT, HARDWARE, REPORT, Agent, join

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
type ClientOf = Callable[[User], Client]


def test_approved_machine_gets_its_token_once_and_can_report(stranger: Agent, ben: User, client_of: ClientOf) -> None:
    started = stranger.post("enrolments", ENROLMENT).json()
    poll = {"poll_token": started["poll_token"]}
    assert stranger.post("enrolments/poll", poll).json() == {"state": "pending"}
    page = client_of(ben).get("/machines/add", {"code": started["code"]})
    assert "Apple M4 Pro" in page.content.decode()

    client_of(ben).post(f"/machines/add/{started['enrolment']}", {"approve": "1"})

    answer = stranger.post("enrolments/poll", poll).json()
    machine = Machine.objects.get(public_id=answer["machine"])
    assert (machine.owner, machine.state, machine.chip) == (ben, "pending", "Apple M4 Pro")
    assert answer["signing_key"] == public_key_base64()
    assert stranger.post("enrolments/poll", poll).json() == {"state": "expired"}
    assert Agent(stranger.client, answer["token"]).post("reports", REPORT).status_code == 200
    assert AuditEntry.objects.filter(action="machine.approved", by=ben).count() == 1


def test_answer_to_an_enrolment_has_the_agreed_shape(stranger: Agent) -> None:
    response = stranger.post("enrolments", ENROLMENT)

    body = response.json()
    assert response.status_code == 201
    assert set(body) == {"state", "enrolment", "code", "poll_token", "expires_at", "interval_s", "approve_url"}
    assert body["approve_url"] == f"http://testserver/machines/add?code={body['code']}"
    row = Enrolment.objects.values().get()
    assert body["code"].replace("-", "") not in str(row)
    assert body["poll_token"] not in str(row)


def test_denied_machine_is_told_so_and_no_machine_is_made(stranger: Agent, ben: User, client_of: ClientOf) -> None:
    started = stranger.post("enrolments", ENROLMENT).json()

    client_of(ben).post(f"/machines/add/{started['enrolment']}", {"deny": "1"})

    assert stranger.post("enrolments/poll", {"poll_token": started["poll_token"]}).json() == {"state": "denied"}
    assert not Machine.objects.exists()


def test_code_is_over_after_ten_minutes(stranger: Agent, ben: User, client_of: ClientOf) -> None:
    with time_machine.travel(NOW, tick=False):
        started = stranger.post("enrolments", ENROLMENT).json()
    with time_machine.travel(NOW + timedelta(minutes=10), tick=False):
        with pytest.raises(CodeRefusedError, match="wrong"):
            look_up_code(code=started["code"], by=ben)
        client_of(ben).post(f"/machines/add/{started['enrolment']}", {"approve": "1"})
        assert stranger.post("enrolments/poll", {"poll_token": started["poll_token"]}).json() == {"state": "expired"}
    assert not Machine.objects.exists()


def test_code_may_be_typed_in_lower_case_and_with_letters_for_digits(stranger: Agent, ben: User) -> None:
    code = stranger.post("enrolments", ENROLMENT).json()["code"]
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")

    assert look_up_code(code=typed, by=ben).name == "ben-mini"


def test_five_wrong_codes_lock_even_the_right_one_but_nobody_else(stranger: Agent, ben: User, aiko: User) -> None:
    code = stranger.post("enrolments", ENROLMENT).json()["code"]
    for _ in range(5):
        with pytest.raises(CodeRefusedError, match="wrong"):
            look_up_code(code="ZZZZ-ZZZZ", by=ben)

    with pytest.raises(CodeRefusedError, match="locked"):
        look_up_code(code=code, by=ben)
    assert look_up_code(code=code, by=aiko).name == "ben-mini"


def test_a_code_of_ones_own_buys_no_more_guesses(stranger: Agent, ben: User) -> None:
    code = stranger.post("enrolments", ENROLMENT).json()["code"]
    for _ in range(4):
        with pytest.raises(CodeRefusedError, match="wrong"):
            look_up_code(code="ZZZZ-ZZZZ", by=ben)

    look_up_code(code=code, by=ben)

    assert CodeTries.objects.get(user=ben).wrong == 4


def test_lock_ends_after_ten_minutes(stranger: Agent, ben: User) -> None:
    with time_machine.travel(NOW, tick=False):
        for _ in range(5):
            with pytest.raises(CodeRefusedError):
                look_up_code(code="ZZZZ-ZZZZ", by=ben)
    with time_machine.travel(NOW + timedelta(minutes=10), tick=False):
        code = stranger.post("enrolments", ENROLMENT).json()["code"]
        assert look_up_code(code=code, by=ben).name == "ben-mini"


def test_one_address_may_start_ten_enrolments_in_ten_minutes(stranger: Agent) -> None:
    answers = [stranger.post("enrolments", ENROLMENT) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [201] * 10 + [429]
    assert answers[-1].json()["code"] == "enrolment.too_many"
    assert answers[-1].headers["Retry-After"] == "600"


def test_behind_a_trusted_proxy_each_mac_has_the_ten_of_its_own_address(stranger: Agent, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = (ip_network("127.0.0.1"),)
    turns = count(1)

    def enrol(address: str) -> int:
        # What a client writes in front of it counts for nothing.
        stranger.client.defaults["HTTP_X_FORWARDED_FOR"] = f"192.0.2.{next(turns)}, {address}"
        return int(stranger.post("enrolments", ENROLMENT).status_code)

    first = [enrol("10.20.0.1") for _ in range(11)]

    assert first == [201] * 10 + [429]
    assert enrol("10.20.0.2") == 201


def test_second_approval_makes_no_second_machine(stranger: Agent, ben: User, aiko: User, client_of: ClientOf) -> None:
    started = stranger.post("enrolments", ENROLMENT).json()
    approve_enrolment(enrolment=Enrolment.objects.get(), by=ben)

    client_of(aiko).post(f"/machines/add/{started['enrolment']}", {"approve": "1"})

    assert Machine.objects.get().owner == ben


def test_join_key_enrols_at_once_as_often_as_it_counts(
    stranger: Agent, capsys: pytest.CaptureFixture[str], db: None
) -> None:
    call_command("join_key", uses=2)
    key = capsys.readouterr().out.strip()

    answers = [stranger.post("enrolments", {**ENROLMENT, "join_key": key}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 403]
    assert answers[2].json()["code"] == "enrolment.join_key_invalid"
    assert set(answers[0].json()) == {"state", "machine", "token", "signing_key"}
    machine = Machine.objects.get(public_id=answers[0].json()["machine"])
    assert machine.owner is None
    assert Agent(stranger.client, answers[0].json()["token"]).post("reports", REPORT).status_code == 200
    assert AuditEntry.objects.get(action="join_key.made").actor == OPERATOR


@pytest.mark.parametrize("key", ["", "nonsense", "kjk_000000000000_" + "a" * 43])
def test_bad_join_key_is_refused(stranger: Agent, key: str) -> None:
    response = stranger.post("enrolments", {**ENROLMENT, "join_key": key})

    assert (response.status_code, response.json()["code"]) == (403, "enrolment.join_key_invalid")
    assert not Machine.objects.exists()


def test_expired_join_key_is_refused(stranger: Agent) -> None:
    with time_machine.travel(NOW, tick=False):
        key = create_join_key(uses=1, lifetime=timedelta(hours=24), by=None, actor=OPERATOR)
    with time_machine.travel(NOW + timedelta(hours=24), tick=False):
        assert stranger.post("enrolments", {**ENROLMENT, "join_key": key.text}).status_code == 403


@pytest.mark.parametrize("uses", ["0", "-1", "x", "10001"])
def test_join_key_needs_a_sensible_count(uses: str) -> None:
    with pytest.raises(CommandError, match="--uses"):
        call_command("join_key", f"--uses={uses}")
    assert not ApiToken.objects.exists()


def test_name_that_is_taken_gets_a_suffix(ben: User) -> None:
    names = [join("mini")[0].name for _ in range(3)]

    assert names == ["mini", "mini-2", "mini-3"]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({**ENROLMENT, "owner": "u_1"}, "owner"),
        ({**ENROLMENT, "name": ""}, "name"),
        ({**ENROLMENT, "name": "a\nb"}, "name"),
        ({**ENROLMENT, "name": "x" * 81}, "name"),
        ({**ENROLMENT, "hardware": {**HARDWARE, "serial": "C02"}}, "hardware.serial"),
        ({**ENROLMENT, "hardware": {**HARDWARE, "memory_bytes": "64"}}, "hardware.memory_bytes"),
        ({**ENROLMENT, "hardware": []}, "hardware"),
    ],
)
def test_enrolment_outside_the_shape_names_the_field(stranger: Agent, document: object, field: str) -> None:
    response = stranger.post("enrolments", document)

    assert (response.status_code, response.json()["field"]) == (400, field)
    assert not Enrolment.objects.exists()


def test_unknown_poll_token_is_404(stranger: Agent) -> None:
    response = stranger.post("enrolments/poll", {"poll_token": "x"})

    assert (response.status_code, response.json()["code"]) == (404, "enrolment.unknown")


def test_machine_revoked_between_approval_and_poll_gets_no_token(stranger: Agent, ben: User) -> None:
    started = stranger.post("enrolments", ENROLMENT).json()
    approve_enrolment(enrolment=Enrolment.objects.get(), by=ben)
    Machine.objects.update(state="retired")

    answer = stranger.post("enrolments/poll", {"poll_token": started["poll_token"]})

    assert answer.json() == {"state": "expired"}
    assert not ApiToken.objects.exists()
