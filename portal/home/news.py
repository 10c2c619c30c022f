"""What the newest revision changed, for a while after it came into force."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.accounts.models import User
from portal.audit.models import AuditEntry
from portal.common.policy_head import get_head
from routing.policy_changes import PolicyChanges
from routing.rules import list_rules

NEWS_DAYS = 30


@dataclass(frozen=True)
class PolicyNews:
    number: int
    at: datetime
    changes: PolicyChanges


def find_policy_news(person: User, *, now: datetime) -> PolicyNews | None:
    """Codes of rules that the person may not see are left out. Three queries while it is new, else two.

    The audit entry of the publishing tells it in a few words; the two policies themselves may be large.
    """
    number = get_head().revision
    entries = AuditEntry.objects.filter(action="revision.published", subject_id=f"r{number}", at__gt=_since(now))
    entry = entries.first() if number > 1 else None
    if entry is None:
        return None
    changes = PolicyChanges.of_data(entry.data)
    if not person.can_read_all:
        changes = _among(changes, {rule["id"] for rule in list_rules(person)})
    return None if changes.is_empty else PolicyNews(number, entry.at, changes)


def _since(now: datetime) -> datetime:
    return now - timedelta(days=NEWS_DAYS)


def _among(changes: PolicyChanges, codes: AbstractSet[str]) -> PolicyChanges:
    """A removed rule is in no policy that could say whether it was confidential, so it is not told at all."""
    return PolicyChanges(
        added=tuple(code for code in changes.added if code in codes),
        removed=(),
        changed=tuple(code for code in changes.changed if code in codes),
        sections=changes.sections,
    )
