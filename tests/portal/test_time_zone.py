"""Pages tell times in the organisation's zone; the API says UTC."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.common.models import PolicyHead
from portal.common.policy_head import zone_of
from routing.models import PolicyRevision
from routing.publishing import publish_revision

LATE = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)


@pytest.fixture
def in_tokyo(aiko: User) -> PolicyRevision:
    return publish_revision(document={"version": 1, "organisation": {"time_zone": "Asia/Tokyo"}}, by=aiko)


def test_a_page_tells_the_time_of_the_organisation(
    client_of: Callable[[User], Client], aiko: User, in_tokyo: PolicyRevision
) -> None:
    PolicyRevision.objects.bulk_create(
        [PolicyRevision(number=2, epoch=1, document=in_tokyo.document, digest="x", by=aiko, actor="a", at=LATE)]
    )

    page = client_of(aiko).get("/rules/").content.decode()

    assert "2026-11-25 07:30" in page
    assert timezone.get_current_timezone_name() == "UTC"


def test_pages_before_sign_in_need_no_policy(client: Client, db: None) -> None:
    assert client.get("/sign-in").status_code == 200
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("name", ["Asia/Tokio", "Asia", "../etc/passwd", ""])
def test_a_zone_that_this_machine_does_not_know_is_utc(name: str) -> None:
    assert zone_of(PolicyHead(time_zone=name)).key == "UTC"
