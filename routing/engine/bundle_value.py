"""The bundle as a value: one revision of the policy with everything machine-independent that a decision needs.

Apart from `bundle`, which reads and writes it, so that a program that loads it compiled does without the readers.
"""

from datetime import datetime

from .named_tuple import NamedTuple
from .policy.values import Policy
from .prefixes import ClientPrefixes
from .rules import PrivacyRules


class Bundle(NamedTuple):
    """`revision` and `epoch` only ever grow: (epoch, revision) orders the bundles of one portal."""

    revision: int
    epoch: int
    issued_at: datetime
    expires_at: datetime
    policy: Policy
    prefixes: ClientPrefixes
    # As `fit.catalogue` reads it, where there is a local model to estimate.
    catalogue_text: str
    # The privacy rules, prepared for matching.
    rules: PrivacyRules

    @property
    def order(self) -> tuple[int, int]:
        return self.epoch, self.revision

    def indexed(self) -> "Bundle":
        """The same bundle for a process that goes on deciding; the answers are the same."""
        return self._replace(rules=PrivacyRules.of(self.policy, is_indexed=True))
