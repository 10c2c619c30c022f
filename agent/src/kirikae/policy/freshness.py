"""How old the policy on this machine is, and what may be answered with it.

Local answers need no network. Before a cloud answer from a policy that was not confirmed for a while the portal is
asked once; what stays unconfirmed for longer than the policy allows opens nothing any more, nor does one that is older
than what was seen, or what the portal took back from a machine that was revoked or is in quarantine.
"""

from __future__ import annotations

from datetime import datetime

from kirikae.engine.facts import PolicyState
from kirikae.engine.named_tuple import NamedTuple
from kirikae.home import Home
from kirikae.moments import now
from kirikae.policy.bundle_store import TOLERANCE, StoredBundle, mark_time
from kirikae.policy.refresh import refresh_bundle


class PolicyInForce(NamedTuple):
    """A bundle, and how far it can be relied on."""

    stored: StoredBundle
    state: PolicyState
    age_s: int


def policy_in_force(stored: StoredBundle) -> PolicyInForce:
    limits, age_s = stored.bundle.policy.limits, _age_s(stored)
    if find_distrust(stored) is not None:
        # Only the portal can say that this is the current policy; with a clock set back no age can be told either.
        return PolicyInForce(stored, "expired", max(age_s, limits.policy_max_age_s + 1))
    if age_s > limits.policy_max_age_s or trusted_now(stored) > stored.bundle.expires_at:
        return PolicyInForce(stored, "expired", age_s)
    return PolicyInForce(stored, "stale" if age_s > limits.policy_refresh_s else "fresh", age_s)


def find_distrust(stored: StoredBundle) -> str | None:
    """Why it opens nothing whatever its age, as a code; None for one that only its age counts against."""
    if stored.is_withdrawn:
        return "withdrawn"
    if stored.is_older:
        return "older"
    return "clock_back" if is_clock_back(stored) else None


def confirm_policy(home: Home, stored: StoredBundle) -> PolicyInForce:
    """After one short question to the portal, where it answers."""
    refreshed = refresh_bundle(home, stored)
    if refreshed.is_confirmed:
        return PolicyInForce(refreshed.stored, "fresh", 0)
    return policy_in_force(refreshed.stored)


def keep_time(home: Home, stored: StoredBundle) -> None:
    """Notes the time now and then, so that a clock set back later cannot make the policy young again."""
    if now() - _newest(stored) > TOLERANCE:
        mark_time(home, at=now())


def trusted_now(stored: StoredBundle) -> datetime:
    """A clock that was set back makes nothing younger."""
    return max(now(), _newest(stored))


def is_clock_back(stored: StoredBundle) -> bool:
    return now() < _newest(stored) - TOLERANCE


def _newest(stored: StoredBundle) -> datetime:
    return max(moment for moment in (stored.bundle.issued_at, stored.newest_time) if moment is not None)


def _age_s(stored: StoredBundle) -> int:
    """Since the portal last confirmed it; without a note of that, since it was issued."""
    confirmed = stored.checked_at or stored.bundle.issued_at
    return max(0, round((trusted_now(stored) - confirmed).total_seconds()))
