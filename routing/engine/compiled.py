"""A bundle as a program loads it that decides once and ends: checked and indexed before, read without either.

Like the .pyc beside a source: made by `dump_compiled` when a bundle was accepted, and good for this version of engine
and Python alone; `load_compiled` gives None for any other, and the caller reads the bundle itself. The bytes must be
known to be the ones that were written (the caller keeps their digest), as `marshal` trusts what it reads.
"""

import marshal
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from enum import Enum

from . import ENGINE_VERSION
from .bundle_value import Bundle
from .effects import Effect
from .matching.rule_index import IndexedRules
from .policy import values as policy
from .policy.protected_folders import ProtectedFolders
from .prefixes import ClientPrefixes, PrefixRow
from .request import Client, ClientMode, ClientName, Project, Remote, Role
from .rules import PrivacyRules, RuleParts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

type Frozen = object
# What it is, the one who thaws it knows.
type Thawn = Any

_VALUES: tuple[type[tuple[object, ...]], ...] = (
    policy.Axes, policy.DayTime, policy.Limits, policy.LocalText, policy.Match, policy.ModelRules, policy.Override,
    policy.Policy, policy.PolicyCase, policy.PrivacyException, policy.PrivacyRule, policy.Recommendation,
    policy.TaskCategory, policy.When, Bundle, Client, ClientPrefixes, PrefixRow, Project, Remote,
)  # fmt: skip
_ENUMS: tuple[type[Enum], ...] = (
    ClientMode, ClientName, Effect, policy.OnBattery, policy.Preference, Role, policy.Tier,
)  # fmt: skip
_MAKERS: dict[str, Callable[..., object]] = {
    **{kind.__name__: kind for kind in (*_VALUES, *_ENUMS)},
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
}


def dump_compiled(bundle: Bundle) -> bytes:
    rules = PrivacyRules.of(bundle.policy, is_indexed=True)
    opening = {rule.id for rule in rules.opening}
    kept = bundle.policy._replace(privacy_rules=(), exceptions=(), cases=())
    without_rules = bundle._replace(policy=kept, rules=None)  # type: ignore[arg-type]  # until it is loaded
    content: Thawn = (
        _layout(),
        freeze(without_rules),
        [marshal.dumps(freeze(rule)) for rule in bundle.policy.privacy_rules],  # type: ignore[arg-type]
        [marshal.dumps(freeze(exception)) for exception in rules.exceptions],  # type: ignore[arg-type]
        [place for place, rule in enumerate(bundle.policy.privacy_rules) if rule.effect.is_restricting],
        [place for place, rule in enumerate(bundle.policy.privacy_rules) if rule.id in opening],
        list(rules.protected_folders.patterns),
        rules.matching.state,  # type: ignore[attr-defined]  # an index, as asked for above
    )
    return marshal.dumps(content)


def load_compiled(content: bytes) -> Bundle | None:
    """None when it was written by another version, or is no such content."""
    try:
        layout, *parts = marshal.loads(content)  # noqa: S302 - the caller knows these bytes by their digest
    except (ValueError, EOFError, TypeError):
        return None
    if layout != _layout():
        return None
    rest, rows, exception_rows, restricting, opening, protected, state = parts
    bundle: Bundle = thaw(rest)
    exceptions = Thawed(exception_rows)
    kept = bundle.policy._replace(privacy_rules=Thawed(rows), exceptions=exceptions)
    chosen = RuleParts(
        restricting=Thawed([rows[place] for place in restricting]),
        opening=Thawed([rows[place] for place in opening]),
        exceptions=exceptions,
        protected_folders=ProtectedFolders(protected),
    )
    return bundle._replace(policy=kept, rules=PrivacyRules(kept, chosen, IndexedRules(state)))


def _layout() -> tuple[object, ...]:
    return ENGINE_VERSION, sys.implementation.cache_tag, tuple([(kind.__name__, kind._fields) for kind in _VALUES])  # type: ignore[attr-defined]


def freeze(value: object) -> Frozen:
    """Values as nested lists (sequences) and tuples (named values) of what `marshal` writes."""
    if isinstance(value, Enum):
        return type(value).__name__, str(value.value)
    if isinstance(value, date):
        return type(value).__name__, value.isoformat()
    if isinstance(value, tuple):
        inner = [freeze(one) for one in value]
        return (type(value).__name__, *inner) if hasattr(value, "_fields") else inner
    return value


def thaw(frozen: Frozen) -> Thawn:
    if isinstance(frozen, list):
        return tuple([thaw(one) for one in frozen])
    if isinstance(frozen, tuple):
        name, *inner = frozen
        return _MAKERS[name](*[thaw(one) for one in inner])
    return frozen


class Thawed(Sequence[Thawn]):
    """Read when it is asked for: one decision looks at a few rules of thousands."""

    def __init__(self, rows: Sequence[bytes]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: int | slice) -> Thawn:
        if isinstance(place, slice):
            return Thawed(self._rows[place])
        return thaw(marshal.loads(self._rows[place]))  # noqa: S302 - part of the known content
