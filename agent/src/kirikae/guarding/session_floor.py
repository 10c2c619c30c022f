"""The session floor: the strictest effect that sessions of one config folder of a client have met.

A client can take up a session again (`claude -c`) as long as its config folder is there, so the floor belongs to the
folder. One empty file per effect makes it: files are only ever added, so two launches at once cannot loosen it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kirikae.digest import sha256_hex
from kirikae.engine.effects import Effect
from kirikae.home import Home

FOLDER = "floors"
# `cloud_ok` keeps nothing back.
_KEPT = (Effect.BLOCK, Effect.LOCAL_ONLY, Effect.ORG_ONLY)


def config_folder(environment: Mapping[str, str]) -> Path:
    """Where Claude Code keeps its sessions under this environment."""
    named = environment.get("CLAUDE_CONFIG_DIR")
    return Path(named) if named else Path.home() / ".claude"


def read_floor(home: Home, config_folder: Path) -> str | None:
    """For the request's `session.floor`; None for a folder in which nothing protected was worked on."""
    names = {file.name for file in _folder(home, config_folder).glob("*")}
    return next((str(effect) for effect in _KEPT if str(effect) in names), None)


def tighten_floor(home: Home, config_folder: Path, effect: str) -> str | None:
    """Called before the client starts; the floor in force afterwards. Raises PreflightError: nothing is launched then.

    An effect that this version does not know counts as `local_only`.
    """
    known = {str(one) for one in Effect}
    kept = effect if effect in known else str(Effect.LOCAL_ONLY)
    name = _folder(home, config_folder).relative_to(home.path) / kept
    if kept != Effect.CLOUD_OK and not (home.path / name).exists():
        home.write(str(name), b"")
    return read_floor(home, config_folder)


def _folder(home: Home, config_folder: Path) -> Path:
    """Named by digest: a path may hold any character and be longer than a name may be."""
    real = str(config_folder.expanduser().resolve())
    return home.path / FOLDER / sha256_hex(real.encode("utf-8", "surrogateescape"))[:32]
