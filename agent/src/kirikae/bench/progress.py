"""A progress bar on a terminal; nothing where the output goes to a file or a pipe."""

from __future__ import annotations

import shutil
import sys
from typing import TextIO

from kirikae.texts import say

BAR_WIDTH = 20


class ProgressBar:
    """One line on `out`, written over; `close` takes it away. More than `of_runs` are made where they are needed."""

    def __init__(self, model: str, *, of_runs: int, out: TextIO = sys.stderr) -> None:
        self._model, self._of_runs, self._out = model, of_runs, out
        self._is_shown = out.isatty()

    def __call__(self, depth_tokens: int, runs: int) -> None:
        if not self._is_shown:
            return
        filled = BAR_WIDTH * min(runs, self._of_runs) // self._of_runs
        bar = "█" * filled + "░" * (BAR_WIDTH - filled)
        line = say("bench.progress", model=self._model, depth=depth_tokens, bar=bar, run=runs + 1)
        width = shutil.get_terminal_size().columns - 1
        self._out.write("\r\033[K" + line[:width])
        self._out.flush()

    def close(self) -> None:
        if self._is_shown:
            self._out.write("\r\033[K")
            self._out.flush()
