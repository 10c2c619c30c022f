"""Collects the facts beside other work: the runtimes answer while the engine is imported and the signals are read."""

from __future__ import annotations

import sys
import threading

from kirikae.collect.report import collect_report
from kirikae.collect.runtimes import ASK_BUDGET_S
from kirikae.errors import AgentError
from kirikae.home import Home


class FactsReader(threading.Thread):
    """Starts at once."""

    # An import holds the interpreter for 5 ms at a time; an exchange wakes up a dozen times and would wait each time.
    SWITCH_INTERVAL_S = 0.0005

    def __init__(self, home: Home) -> None:
        super().__init__(daemon=True)
        self._home = home
        self._report: dict[str, object] = {}
        self._error: AgentError | None = None
        sys.setswitchinterval(self.SWITCH_INTERVAL_S)
        self.start()

    def run(self) -> None:
        try:
            self._report = collect_report(self._home, budget_s=ASK_BUDGET_S)
        except AgentError as error:
            self._error = error

    def get_report(self) -> dict[str, object]:
        """Waits for it; raises what collecting raised."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._report
