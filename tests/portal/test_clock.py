"""The portal's clock: records carry the time at which the work was done, and the clock always goes on."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.accounts.models import Scope, User
from portal.accounts.tokens import issue_service_token
from portal.audit.models import AuditEntry
from portal.common import clock

THEN = datetime(2026, 10, 1, 9, tzinfo=UTC)


def test_what_is_done_at_a_past_time_is_recorded_at_it(aiko: User) -> None:
    with clock.standing_at(THEN):
        token = issue_service_token(name="script", scope=Scope.READ, by=aiko).row

    assert token.created_at == THEN
    assert token.expires_at == THEN + timedelta(days=365)
    assert AuditEntry.objects.get().at == THEN


def test_the_clock_goes_on_even_after_an_error() -> None:
    with pytest.raises(ValueError, match="broke"), clock.standing_at(THEN):
        raise ValueError("broke")

    assert clock.now() > THEN + timedelta(days=1)
