"""What a person decides while a message of the same machine is being written, on PostgreSQL, where both really run."""

import threading

import pytest
from django.db import connections, transaction

from machines.health.models import Health
from machines.health.receiving import Message, receive_now
from machines.health.standing import revoke_machine
from machines.models import Machine
from machines.services import accept_report
from portal.accounts.models import User
from portal.common import clock
from routing.engine import facts
from tests.machines.conftest import REPORT
from tests.routing.test_races import wait_until_somebody_waits_for_a_lock

pytestmark = [pytest.mark.slow, pytest.mark.where("postgresql"), pytest.mark.django_db(transaction=True)]


def test_revoking_waits_for_a_report_that_is_being_taken_in(mac: Machine, aiko: User) -> None:
    def revoke() -> None:
        revoke_machine(machine=Machine.objects.select_related("token").get(pk=mac.pk), by=aiko)
        connections.close_all()

    revoking = threading.Thread(target=revoke)
    with transaction.atomic():
        receive_now(Health.objects.get(pk=mac.pk), Message(at=clock.now()))
        revoking.start()
        wait_until_somebody_waits_for_a_lock()
        # PostgreSQL would end one of the two with an error here.
        accept_report(
            machine=Machine.objects.select_related("token", "health").get(pk=mac.pk),
            report=facts.report_from_document(REPORT),
            document=REPORT,
        )
    revoking.join(30)

    mac.refresh_from_db()
    assert mac.state == "retired"
