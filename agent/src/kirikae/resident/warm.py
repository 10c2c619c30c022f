"""Imports what the commands import while they run: each fork would pay 25 ms for it again."""

from __future__ import annotations

import importlib

from kirikae import command_line
from kirikae.answering import asking
from kirikae.collect import lm_studio, mlx_lm, omlx
from kirikae.commands import ask, guard, run
from kirikae.engine.fit import candidate
from kirikae.guarding import guard as guarding
from kirikae.home import Home
from kirikae.launching import confinement, model_checks, running
from kirikae.texts import choose_language

# Where they are used is in the forks.
__all__ = [
    "ask", "asking", "candidate", "confinement", "guard", "guarding", "lm_studio", "mlx_lm", "model_checks", "omlx",
    "run", "running",
]  # fmt: skip


def warm_up(home: Home) -> None:
    """TLS only for a portal that has it: it takes some megabytes."""
    for command in ("ask", "run"):
        command_line.parser_for(command, choose_language())
    enrolment = home.find_enrolment()
    if enrolment is not None and enrolment.portal_url.startswith("https:"):
        importlib.import_module("ssl")
