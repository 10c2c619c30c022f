"""Collects the facts beside other work: the runtimes answer while the engine is imported and the signals are read.

The resident agent keeps the last facts for a moment; the wrapper alone always looks.
"""

from __future__ import annotations

import os
import sys
import threading

from kirikae.collect.boot_clock import boot_seconds
from kirikae.collect.report import collect_report
from kirikae.collect.runtimes import ASK_BUDGET_S
from kirikae.engine.named_tuple import NamedTuple
from kirikae.errors import AgentError
from kirikae.home import Home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

# Long enough for the commands of one piece of work, short beside starting or stopping a runtime.
KEPT_FOR_S = 10.0


class KeptFacts(NamedTuple):
    """`taken_at` in seconds since boot; `named` are the runtimes that the asking shell had configured."""

    report: dict[str, object]
    taken_at: float
    named: str

    def document(self) -> dict[str, object]:
        return self._asdict()

    @property
    def age_s(self) -> float:
        return boot_seconds() - self.taken_at

    def is_usable(self) -> bool:
        return 0 <= self.age_s <= KEPT_FOR_S and self.named == named_runtimes()


def named_runtimes() -> str:
    names = "KIRIKAE_RUNTIMES", "KIRIKAE_RUNTIMES_ALLOW_REMOTE", "KIRIKAE_RUNTIMES_ONLY"
    return "\n".join(os.environ.get(name, "") for name in names)


class FactsReader(threading.Thread):
    """Starts at once."""

    # An import holds the interpreter for 5 ms at a time; an exchange wakes up a dozen times and would wait each time.
    SWITCH_INTERVAL_S = 0.0005
    # Set by the resident agent alone, from what its forks have collected last.
    kept: ClassVar[KeptFacts | None] = None
    latest: ClassVar[KeptFacts | None] = None

    def __init__(self, home: Home, *, patience_s: float | None = None) -> None:
        """With `patience_s` runtimes may take so long, and nothing kept is taken for an answer."""
        super().__init__(daemon=True)
        self._home = home
        self._patience_s = patience_s
        self._facts = KeptFacts({}, boot_seconds(), named_runtimes())
        self._error: AgentError | None = None
        sys.setswitchinterval(self.SWITCH_INTERVAL_S)
        self.start()

    def run(self) -> None:
        if self._patience_s is None and self.kept is not None and self.kept.is_usable():
            self._facts = self.kept
            return
        try:
            report = collect_report(self._home, budget_s=self._patience_s or ASK_BUDGET_S)
            self._facts = FactsReader.latest = KeptFacts(report, boot_seconds(), named_runtimes())
        except AgentError as error:
            self._error = error

    def get_report(self) -> dict[str, object]:
        """Waits for it; raises what collecting raised."""
        return self.get_facts().report

    def get_facts(self) -> KeptFacts:
        self.join()
        if self._error is not None:
            raise self._error
        return self._facts
