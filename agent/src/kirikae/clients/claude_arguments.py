"""Which arguments of Claude Code a protected session takes: an allow-list, because every release brings new ones.

Not on it: what names another address, model, settings or plugin, what continues or copies a session, what runs in the
background, and all subcommands (some of them work in the vendor's cloud).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kirikae.engine.named_tuple import NamedTuple

FLAGS = frozenset(
    [
        "-p",
        "--print",
        "--verbose",
        "--include-partial-messages",
        "--include-hook-events",
        "--replay-user-messages",
        "--ax-screen-reader",
        "--disable-slash-commands",
        "--exclude-dynamic-system-prompt-sections",
        "--no-chrome",
        "--no-session-persistence",
        "--strict-mcp-config",
        "-h",
        "--help",
        "-v",
        "--version",
    ]
)
WITH_VALUE = frozenset(
    [
        "--output-format",
        "--input-format",
        "--append-system-prompt",
        "--system-prompt",
        "--session-id",
        "-n",
        "--name",
        "--json-schema",
        "--effort",
        "--max-turns",
        "--max-budget-usd",
    ]
)
# Each takes any number of values, up to the next option.
WITH_VALUES = frozenset(["--add-dir", "--allowedTools", "--allowed-tools"])
# `auto` asks a classifier in the cloud; `bypassPermissions` takes the person out of the loop.
PERMISSION_MODES = frozenset(["default", "acceptEdits", "plan", "dontAsk"])
SUBCOMMANDS = frozenset(
    [
        "agents",
        "attach",
        "auth",
        "auto-mode",
        "daemon",
        "doctor",
        "gateway",
        "install",
        "logs",
        "mcp",
        "plugin",
        "plugins",
        "project",
        "remote-control",
        "respawn",
        "rm",
        "server",
        "setup-token",
        "ssh",
        "stop",
        "ultrareview",
        "update",
        "upgrade",
    ]
)
# What a receipt may hold of an argument.
_NAME = re.compile(r"-{0,2}[A-Za-z0-9][A-Za-z0-9-]{0,55}")


class Part(NamedTuple):
    """`kind` is option, value or operand; `name` is that of the option."""

    kind: str
    name: str
    text: str


def find_refused(arguments: Sequence[str]) -> str | None:
    """The name of the first argument that is not on the list; never its value."""
    for part in _parts(arguments):
        if part.kind == "operand" and part.text in SUBCOMMANDS:
            return part.text
        if not _is_allowed(part):
            found = _NAME.match(part.name)
            return found.group(0) if found else "option"
    return None


def shield_prompt(arguments: Sequence[str]) -> list[str]:
    """The same, with a space after a prompt of one word: no version of the client can take it for a subcommand.

    The client compares whole words, and trims prompts.
    """
    parts = list(_parts(arguments))
    is_word = [part.kind == "operand" and part.text and not re.search(r"\s", part.text) for part in parts]
    return [f"{text} " if word else text for text, word in zip(arguments, is_word, strict=True)]


def _parts(arguments: Sequence[str]) -> Iterator[Part]:
    """One for each argument, read as the client's own parser does."""
    awaiting: str | None = None
    is_all_operands = False
    for text in arguments:
        if is_all_operands or (awaiting is None and not _is_option(text)):
            yield Part("operand", "", text)
        elif awaiting in WITH_VALUE | {"--permission-mode"} or (awaiting is not None and not _is_option(text)):
            yield Part("value", awaiting or "", text)
            awaiting = awaiting if awaiting in WITH_VALUES else None
        elif text == "--":
            is_all_operands, awaiting = True, None
            yield Part("option", text, text)
        else:
            name, has_value, _ = text.partition("=")
            takes_value = name in WITH_VALUE | WITH_VALUES | {"--permission-mode"}
            awaiting = name if takes_value and not has_value else None
            yield Part("option", name, text)


def _is_option(text: str) -> bool:
    return text.startswith("-") and text != "-"


def _is_allowed(part: Part) -> bool:
    if part.name == "--permission-mode":
        value = part.text if part.kind == "value" else part.text.partition("=")[2]
        return value in PERMISSION_MODES or part.text == part.name
    if part.kind == "option" and part.name in FLAGS | {"--"}:
        return part.text == part.name
    return part.kind != "option" or part.name in WITH_VALUE | WITH_VALUES
