"""Pages of incidents: everybody sees their own Macs' part, and who was told."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from portal.accounts.models import Role, User
from portal.incidents.kinds import IncidentKind
from portal.incidents.models import Incident, Part
from portal.incidents.services import Subject, begin
from portal.incidents.telling import tell
from portal.notices.models import Notice

pytestmark = pytest.mark.django_db
type SignIn = Callable[[User], Client]


@pytest.fixture
def incident(aiko: User, ben: User, settings: Settings) -> Incident:
    """One of Ben's Macs and one that is nobody's, told of."""
    settings.MAIL_FROM = "kirikae@example.org"
    now = timezone.now()
    subjects = [
        Subject("m_1", "ben-mini", page="/machines/m_1/", owner_id=ben.pk),
        Subject("m_2", "build-<b>", page="/machines/m_2/"),
    ]
    begin(kind=IncidentKind.QUARANTINED, subjects=subjects, at=now)
    tell(now=now)
    return Incident.objects.get()


def read(client: Client, incident: Incident | None = None) -> str:
    return client.get(f"/incidents/{incident.public_id}/" if incident else "/incidents/").content.decode()


def test_an_admin_sees_everything_and_who_was_told(client_of: SignIn, aiko: User, incident: Incident) -> None:
    client = client_of(aiko)

    assert "ben-mini, build-&lt;b&gt;" in read(client)
    page = read(client, incident)
    assert "Aiko" in page
    assert "Ben" in page
    assert "Quarantined: ben-mini" in page
    assert "build-&lt;b&gt;" in page


def test_a_developer_sees_their_own_part_only(client_of: SignIn, ben: User, incident: Incident) -> None:
    client = client_of(ben)

    assert "build-" not in read(client)
    page = read(client, incident)
    assert "ben-mini" in page
    assert "build-" not in page
    assert "Aiko" not in page


def test_the_page_says_why_there_is_no_notice(client_of: SignIn, aiko: User, ben: User, incident: Incident) -> None:
    Notice.objects.all().delete()

    pages = [read(client_of(one), incident) for one in (aiko, ben)]

    assert "Nobody takes notices of this kind" in pages[0]
    assert "No notice of it went to you." in pages[1]
    Part.objects.update(told_at=None)
    assert "Nobody was told yet." in read(client_of(aiko), incident)


def test_an_outsider_sees_nothing(client_of: SignIn, chie: User, incident: Incident) -> None:
    client = client_of(chie)

    assert "ben-mini" not in read(client)
    assert client.get(f"/incidents/{incident.public_id}/").status_code == 404
    assert client.post(f"/incidents/{incident.public_id}/acknowledge").status_code == 404


def test_who_looks_at_it_is_told_to_everybody(client_of: SignIn, aiko: User, ben: User, incident: Incident) -> None:
    client_of(ben).post(f"/incidents/{incident.public_id}/acknowledge")

    page = read(client_of(aiko), incident)
    assert "I am looking at it" not in page
    incident.refresh_from_db()
    assert incident.acknowledged_by == ben


def test_a_developer_ends_no_launches_of_others(client_of: SignIn, aiko: User, ben: User, chie: User) -> None:
    launches = [Subject(f"d_{owner.pk}", "mac", owner_id=owner.pk) for owner in (ben, chie)]
    begin(kind=IncidentKind.MISMATCH, subjects=launches, at=timezone.now())
    incident = Incident.objects.get()

    answers = [client_of(one).post(f"/incidents/{incident.public_id}/acknowledge").status_code for one in (ben, aiko)]

    assert answers == [403, 302]


def test_an_auditor_only_reads(client_of: SignIn, chie: User, incident: Incident) -> None:
    chie.role = Role.AUDITOR
    chie.save()
    client = client_of(chie)

    assert "I am looking at it" not in read(client, incident)
    assert client.post(f"/incidents/{incident.public_id}/acknowledge").status_code == 403


def test_the_list_costs_a_fixed_number_of_queries(
    client_of: SignIn, aiko: User, incident: Incident, django_assert_num_queries: Callable[..., object]
) -> None:
    client = client_of(aiko)
    for kind in (IncidentKind.OFFLINE, IncidentKind.DEGRADED):
        begin(kind=kind, subjects=[Subject(f"m_{number}", f"mac-{number}") for number in range(9)], at=timezone.now())

    with django_assert_num_queries(6):  # type: ignore[attr-defined] # session, person, head, open, closed, parts
        client.get("/incidents/")


@pytest.mark.parametrize("page", ["/incidents/", "/incidents/{}/", "/notices/", "/notices/deliveries/"])
def test_a_part_that_did_not_change_is_not_sent_again(
    page: str, client_of: SignIn, aiko: User, incident: Incident
) -> None:
    client, address = client_of(aiko), page.format(incident.public_id)
    etag = client.get(address, headers={"HX-Request": "true"}).headers["ETag"]

    again = client.get(address, headers={"HX-Request": "true", "If-None-Match": etag})

    assert (again.status_code, again.content) == (304, b"")
