"""Arguments of a command, and how the plain forms of the frequent commands are read.

`argparse` takes 6 ms to import and to set up, which every launch and every question of the guard would pay. So what is
written out in full is read here; help, mistakes, rarer options and other commands are left to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace


class Arguments(SimpleNamespace):
    """By the names that `command_line` gives them, and `command`: what follows `--`."""


# What `argparse` gives each option that is not written; what is False here is a flag.
DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "ask": {
        "project": [],
        "context_tokens": 0,
        "parallel_agents": None,
        "needs": "",
        "client": "claude",
        "mode": "print",
        "offline": False,
        "json": False,
        "why": False,
    },
    "run": {"task": None, "allow": None, "dry_run": False, "why": False},
    "guard": {},
}


def read_plain(own: Sequence[str]) -> Arguments | None:
    """`ask TASK`, `run [--task TASK]` or `guard`, with flags; None where `argparse` has to look."""
    if not own or own[0] not in DEFAULTS:
        return None
    found: dict[str, object] = {"subcommand": own[0], **DEFAULTS[own[0]]}
    flags = {f"--{name.replace('_', '-')}": name for name, value in found.items() if value is False}
    words = iter(own[1:])
    for word in words:
        if word in flags:
            found[flags[word]] = True
        elif own[0] == "run" and word == "--task":
            found["task"] = next(words, "-")
        elif own[0] == "ask" and "task" not in found:
            found["task"] = word
        else:
            return None
    is_plain = own[0] == "guard" or ("task" in found and not str(found["task"]).startswith("-"))
    return Arguments(**found) if is_plain else None
