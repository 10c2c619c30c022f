"""How a launch ends: this process becomes the client; in the resident agent, the wrapper that asked becomes it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

type Become = Callable[[str, Sequence[str], Mapping[str, str]], NoReturn]


def become_client(program: str, arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    _way(program, arguments, environment)


def hand_over_by(way: Become) -> None:
    """For the resident agent, which must not become anything."""
    global _way  # noqa: PLW0603 - one process either is the wrapper or is not
    _way = way


def _execute(program: str, arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    # Nothing of ours may be lost in a buffer that the client's process image replaces.
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(program, list(arguments), dict(environment))  # noqa: S606 - the point of the wrapper


_way: Become = _execute
