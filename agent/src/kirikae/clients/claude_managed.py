"""Settings of Claude Code that an administrator laid on this machine, and which of them a protected launch cannot undo.

Managed settings win over environment and arguments; only what names the provider is overridden by the host's switch.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kirikae.clients.environment import fits_any

MANAGED_MCP = "managed-mcp.json"
GUARD_COMMANDS = frozenset(["kirikae guard || exit 2"])
# CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST makes the client ignore these: seen with the real client, see docs/nda.md.
PINNED_BY_HOST = ("ANTHROPIC_*", "CLAUDE_CODE_USE_*", "CLAUDE_CODE_SUBAGENT_MODEL", "AWS_*")
# The guard's drop-in empties these: set, the client would ask no hook, or another program in its place.
EMPTIED = ("CLAUDE_CODE_SHELL_PREFIX", "CLAUDE_CODE_SIMPLE")
# None of these names an address, runs a program or opens a folder that the decision does not see.
HARMLESS = frozenset(
    [
        "$schema",
        "allowManagedHooksOnly",
        "allowManagedMcpServersOnly",
        "allowManagedPermissionRulesOnly",
        "allowedMcpServers",
        "alwaysThinkingEnabled",
        "attribution",
        "autoUpdatesChannel",
        "availableModels",
        "blockedMarketplaces",
        "cleanupPeriodDays",
        "companyAnnouncements",
        "deniedMcpServers",
        "disableAllHooks",
        "disableAutoMode",
        "disableBypassPermissionsMode",
        "effortLevel",
        "forceLoginMethod",
        "forceLoginOrgUUID",
        "includeCoAuthoredBy",
        "language",
        "minimumVersion",
        "model",
        "outputStyle",
        "permissions",
        "respectGitignore",
        "sandbox",
        "skipWebFetchPreflight",
        "spinnerTipsEnabled",
        "strictKnownMarketplaces",
        "theme",
        "verbose",
    ]
)


def managed_folder(platform: str = sys.platform) -> Path:
    return Path("/Library/Application Support/ClaudeCode" if platform == "darwin" else "/etc/claude-code")


def preferences_file() -> Path:
    """Where a device management profile puts the same settings on a Mac."""
    return Path("/Library/Managed Preferences/com.anthropic.claudecode.plist")


def find_winning_setting(
    steering: Sequence[str], pinned: Mapping[str, str], *, folder: Path | None = None
) -> tuple[str, str] | None:
    """(file, key) of a setting that the launch could not undo; None when there is none.

    `steering`: patterns of variables that the launch takes away; `pinned`: those that it sets.
    """
    folder = folder or managed_folder()
    if (folder / MANAGED_MCP).exists():
        return MANAGED_MCP, "mcpServers"
    for file, document in _documents(folder):
        key = "*" if document is None else next(_winning(document, steering, pinned), None)
        if key is not None:
            return file.name, key
    return None


def find_sandbox(folder: Path | None = None) -> Path | None:
    """The file that sets the client's own sandbox, which cannot start within ours: the client would run no command."""
    documents = _documents(folder or managed_folder())
    return next((file for file, document in documents if document is not None and "sandbox" in document), None)


def managed_documents(folder: Path | None = None) -> Iterator[Mapping[str, object]]:
    """Those that can be read."""
    for _, document in _documents(folder or managed_folder()):
        if document is not None:
            yield document


def _documents(folder: Path) -> Iterator[tuple[Path, Mapping[str, object] | None]]:
    """None for a file that stands there and cannot be read: what it says is unknown."""
    files = [folder / "managed-settings.json", *sorted((folder / "managed-settings.d").glob("*.json"))]
    for file in [*files, preferences_file()]:
        try:
            content = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            yield file, None
            continue
        yield file, _parse(file, content)


def _parse(file: Path, content: bytes) -> Mapping[str, object] | None:
    try:
        document = _parse_plist(content) if file.suffix == ".plist" else json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _parse_plist(content: bytes) -> object:
    """Raises ValueError."""
    import plistlib  # noqa: PLC0415 - its XML parser costs every launch 3 ms, and hardly any Mac has such a file

    try:
        return plistlib.loads(content)
    except plistlib.InvalidFileException as error:
        raise ValueError from error


def _winning(document: Mapping[str, object], steering: Sequence[str], pinned: Mapping[str, str]) -> Iterator[str]:
    for key, value in document.items():
        if key == "env":
            yield from _winning_variables(value, steering, pinned)
        elif key == "hooks":
            yield from () if _is_guard_only(value) else ("hooks",)
        elif key not in HARMLESS:
            yield str(key)


def _winning_variables(env: object, steering: Sequence[str], pinned: Mapping[str, str]) -> Iterator[str]:
    if not isinstance(env, dict):
        yield "env"
        return
    for name, value in env.items():
        is_steering = (fits_any(name, steering) or name in pinned) and not (name in EMPTIED and value == "")
        if is_steering and pinned.get(name) != value and not fits_any(name, PINNED_BY_HOST):
            yield f"env.{name}"


def _is_guard_only(hooks: object) -> bool:
    """Kirikae's own guard, as the portal's drop-in has it, and nothing else."""
    if not isinstance(hooks, dict):
        return False
    groups = [group for entries in hooks.values() for group in (entries if isinstance(entries, list) else [None])]
    commands = [
        hook.get("command") if isinstance(hook, dict) else None
        for group in groups
        for hook in (group.get("hooks") if isinstance(group, dict) else None) or [None]
    ]
    return all(command in GUARD_COMMANDS for command in commands)
