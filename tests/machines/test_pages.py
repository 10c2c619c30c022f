"""Pages of machines: who sees what, in words, with a bounded number of queries."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from machines.models import Machine
from machines.services import adopt_machine
from portal.accounts.models import Role, User
from portal.audit.models import AuditEntry
from tests.machines.conftest import BENCHMARK, ENROLMENT, REPORT, Agent, join

type ClientOf = Callable[[User], Client]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def reported(agent: Agent, mac: Machine) -> Machine:
    agent.post("reports", REPORT)
    agent.post("benchmarks", {"benchmarks": [BENCHMARK]})
    mac.refresh_from_db()
    return mac


def text_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_ben_sees_his_mac_with_all_that_it_reported(reported: Machine, ben: User, client_of: ClientOf) -> None:
    page = text_of(client_of(ben), f"/machines/{reported.public_id}/")

    for words in (
        "Apple M4 Pro",
        "64 GB",
        "51.5 GB",
        "llama.cpp",
        "b10434",
        "No whole answer in time",
        "tiny",
        "F16",
        "4K",
        "of 128K",
        "on this Mac",
        "remote, counts as cloud",
        "Weights fit",
        "310 tokens/s",
        "kirikae-1",
        "2026-11-25 00:00 UTC",
        "Swap in use",
        "absent: this system does not tell it",
        "Online",
    ):
        assert words in page, words


def test_list_shows_ben_his_and_aiko_all(reported: Machine, aiko: User, ben: User, client_of: ClientOf) -> None:
    join("spare")

    his, all_of_them = text_of(client_of(ben), "/machines/"), text_of(client_of(aiko), "/machines/")

    assert "ben-mini" in his
    assert "spare" not in his
    assert "ben-mini" in all_of_them
    assert "spare" in all_of_them
    assert "No owner" in all_of_them


def test_chie_sees_nothing_of_ben_and_can_do_nothing_to_it(reported: Machine, chie: User, client_of: ClientOf) -> None:
    browser = client_of(chie)

    assert "ben-mini" not in text_of(browser, "/machines/")
    assert browser.get(f"/machines/{reported.public_id}/").status_code == 404
    assert browser.post(f"/machines/{reported.public_id}/revoke").status_code == 404
    assert browser.post(f"/machines/{reported.public_id}/adopt").status_code == 403
    reported.refresh_from_db()
    assert not reported.is_retired


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/machines/", "/machines/add", "/machines/m_x/"])
def test_visitors_are_sent_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path).headers["Location"].startswith("/sign-in?next=")


def test_aiko_adopts_a_mac_without_owner_and_only_once(aiko: User, client_of: ClientOf) -> None:
    machine, _ = join("spare")
    browser = client_of(aiko)
    assert "Adopt this Mac" in text_of(browser, f"/machines/{machine.public_id}/")

    browser.post(f"/machines/{machine.public_id}/adopt")

    machine.refresh_from_db()
    assert machine.owner == aiko
    assert not adopt_machine(machine=machine, by=aiko)
    assert AuditEntry.objects.filter(action="machine.adopted").count() == 1
    assert "Adopt this Mac" not in text_of(browser, f"/machines/{machine.public_id}/")


def test_ben_revokes_his_mac_and_the_agent_is_out(
    reported: Machine, agent: Agent, ben: User, client_of: ClientOf
) -> None:
    client_of(ben).post(f"/machines/{reported.public_id}/revoke")

    assert agent.post("heartbeats", {"state": None}).json()["code"] == "token.revoked"
    assert "Retired" in text_of(client_of(ben), f"/machines/{reported.public_id}/")
    assert AuditEntry.objects.filter(action="machine.revoked", by=ben).count() == 1


def test_an_auditor_reads_every_mac_and_revokes_none(reported: Machine, client_of: ClientOf) -> None:
    auditor = User.objects.create_user(email="a@example.org", name="A", password=None, role=Role.AUDITOR)

    page = text_of(client_of(auditor), f"/machines/{reported.public_id}/")

    assert "Revoke" not in page
    assert client_of(auditor).post(f"/machines/{reported.public_id}/revoke").status_code == 403


def test_add_page_shows_the_line_to_paste(ben: User, client_of: ClientOf) -> None:
    assert "curl -fsS http://testserver/install/kirikae.sh | sh" in text_of(client_of(ben), "/machines/add")


def test_wrong_code_is_told_beside_the_field(ben: User, client_of: ClientOf) -> None:
    response = client_of(ben).get("/machines/add", {"code": "ZZZZ-ZZZZ"})

    assert response.status_code == 422
    assert "No Mac waits with this code." in response.content.decode()


def test_decided_enrolment_sends_back_to_the_field(ben: User, client_of: ClientOf) -> None:
    response = client_of(ben).post("/machines/add/e_none", {"approve": "1"}, follow=True)

    assert "This code is over." in response.content.decode()


def test_names_from_agents_are_text_and_never_markup(ben: User, client_of: ClientOf, client: Client) -> None:
    machine, token = join(HOSTILE, ben)
    hostile = {
        **REPORT,
        "agent_version": HOSTILE,
        "hardware": {**REPORT["hardware"], "chip": HOSTILE, "model": HOSTILE},
        "runtimes": [{**REPORT["runtimes"][0], "version": HOSTILE, "models": [{"name": HOSTILE}]}],
        "absences": [{"field": HOSTILE, "code": HOSTILE}],
    }
    assert Agent(client, token).post("reports", hostile).status_code == 200
    code = Agent(client).post("enrolments", {**ENROLMENT, "name": HOSTILE}).json()["code"]
    browser = client_of(ben)

    for path in ("/machines/", f"/machines/{machine.public_id}/", f"/machines/add?code={code}"):
        assert HOSTILE not in text_of(browser, path)


def test_htmx_gets_the_part_and_everybody_else_the_page(reported: Machine, ben: User, client_of: ClientOf) -> None:
    browser = client_of(ben)

    rows = browser.get("/machines/", headers={"HX-Request": "true"}).content.decode()
    live = browser.get(f"/machines/{reported.public_id}/", headers={"HX-Request": "true"}).content.decode()

    assert "ben-mini" in rows
    assert "Online" in live
    assert "<html" not in rows + live


def test_pages_take_a_recorded_number_of_queries(
    reported: Machine, agent: Agent, ben: User, client_of: ClientOf, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        join("mini", ben)
    browser = client_of(ben)

    # Session, person, head of the policy, page, counts, watch, machines, runtimes, models, poll targets.
    with django_assert_num_queries(10):
        browser.get("/machines/")
    # Benchmarks, changes of state, poll targets and availability; no page, counts or watch. For what it can run
    # benchmarks as facts, the catalogue and its changes.
    with django_assert_num_queries(13):
        browser.get(f"/machines/{reported.public_id}/")
