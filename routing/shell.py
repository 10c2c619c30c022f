"""An answer as shell text: one function definition, `kirikae_client`, and nothing else.

The text is meant for `eval`. A shell runs a function definition only when it is whole, so a body that was
cut anywhere before its last byte is a syntax error and launches nothing. That is why no statement stands
outside the function, not even an assignment.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

CONTENT_TYPE = "application/x-sh"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# In `unset` a star at either end stands for any name with that rest.
_NAME_PATTERN = re.compile(r"\*?[A-Za-z_][A-Za-z0-9_]*\*?\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_PROGRAMS = {"claude": "claude", "aider": "aider", "goose": "goose", "codex": "codex"}
# The same place for the state as in the agent.
_FIND_HOME = (
    "kirikae_home=${KIRIKAE_HOME:-${XDG_STATE_HOME:-$HOME/.local/state}/kirikae}",
    'if [ -z "${KIRIKAE_HOME:-}" ] && [ "$(uname -s)" = Darwin ]; then',
    '  kirikae_home="$HOME/Library/Application Support/Kirikae"',
    "fi",
)


def shell_answer(answer: Mapping[str, Any], *, client: str | None) -> str:
    """The function that launches `client` as the answer says; a refusal prints why and returns 3."""
    if answer["backend"] == "none":
        return shell_refusal(_refusal_lines(answer))
    launch = answer["launch"]
    if not all(_NAME.match(name) for name in launch["env"]) or not all(map(_NAME_PATTERN.match, launch["unset"])):
        return shell_refusal(["Kirikae: the launch recipe names a variable that no shell knows."])
    return _define([f"KIRIKAE_BACKEND={quote(answer['backend'])}", *_launch_lines(answer, client=client)])


def shell_refusal(lines: Iterable[str]) -> str:
    """The function that launches nothing: it prints the lines on stderr and returns 3."""
    prints = [f"printf '%s\\n' {quote(_CONTROL.sub(' ', line))} >&2" for line in lines]
    return _define(["KIRIKAE_BACKEND='none'", *prints, "return 3"])


def quote(text: str) -> str:
    """Always in single quotes, where no shell expands anything."""
    return "'" + text.replace("'", "'\\''") + "'"


def _define(statements: Iterable[str]) -> str:
    return "kirikae_client() {\n" + "".join(f"  {line}\n" for line in statements) + "}\n"


def _launch_lines(answer: Mapping[str, Any], *, client: str | None) -> list[str]:
    """`env` gives the variables to the client alone; the subshell keeps the rest from the caller."""
    launch = answer["launch"]
    program = _PROGRAMS.get(client or "claude")
    words = [f"{name}={_expand(value)}" for name, value in launch["env"].items()]
    words.append(f"KIRIKAE_BACKEND={quote(answer['backend'])}")
    if program:
        words += [program, *(_expand(argument) for argument in launch["args"])]
    find_home = _FIND_HOME if any("$kirikae_home" in word for word in words) else ()
    lines = [*find_home, f'set -- {" ".join(words)} "$@"', *_unset_lines(launch["unset"]), 'exec env "$@"']
    inside = ["(", *(f"  {line}" for line in lines), ")"]
    if program:
        return inside
    # A client we have no name for: the caller gives the whole command, and `env` alone would list variables.
    return ["[ $# -gt 0 ] || { printf '%s\\n' 'kirikae_client: name the client to run' >&2; return 64; }", *inside]


def _unset_lines(patterns: Sequence[str]) -> list[str]:
    """By `env -u`, not by `unset`, which a variable marked readonly would survive."""
    if not patterns:
        return []
    return [
        # Lines, and nothing else, separate names; a name never becomes the pattern of a file.
        "IFS='\n'; set -f",
        "kirikae_names=$(command env | LC_ALL=C command sed -n 's/=.*//p')",
        '[ -n "$kirikae_names" ] || exit 3',
        "for kirikae_name in $(printf '%s\\n' \"$kirikae_names\"); do",
        f'  case $kirikae_name in {"|".join(patterns)}) set -- -u "$kirikae_name" "$@" ;; esac',
        "done",
    ]


def _expand(text: str) -> str:
    return '"$kirikae_home"'.join(quote(part) for part in text.split("{kirikae_home}"))


def _refusal_lines(answer: Mapping[str, Any]) -> list[str]:
    remedies = [found["remedy"] for found in answer["alternatives"] if found.get("remedy")]
    return [f"Kirikae: {answer['refusal']['text']}", *dict.fromkeys(remedy["text"] for remedy in remedies)]
