"""`kirikae shell-init zsh|bash|fish`: prints short names for launches, and completion, for the shell's start file."""

from __future__ import annotations

import argparse

from kirikae.arguments import Arguments
from kirikae.command_line import COMMANDS, build_parser
from kirikae.home import Home

# Both ask the policy: the first can only be answered by a local model, the second by the cloud where that is permitted.
SHORT_NAMES = {"claude-local": "confidential-code", "claude-cloud": "architecture-design"}


def execute(arguments: Arguments, home: Home) -> int:
    words = {name: _words(parser) for name, parser in _commands().items()}
    tasks = list_tasks(home)
    for name in ("ask", "run"):
        words[name] += tasks
    print(WRITERS[arguments.shell](words))
    return 0


def list_tasks(home: Home) -> list[str]:
    """Of the policy on this machine; only suggestions, so it is neither verified nor read whole."""
    digest = home.read_json("bundle.json").get("sha256")
    policy = home.read_json(f"bundles/{digest}.json").get("policy") if isinstance(digest, str) else None
    tasks = policy.get("tasks") if isinstance(policy, dict) else None
    ids = [task.get("id") for task in tasks if isinstance(task, dict)] if isinstance(tasks, list) else []
    return [name for name in ids if isinstance(name, str) and name.replace("-", "").isalnum() and name.isascii()]


def _commands() -> dict[str, argparse.ArgumentParser]:
    parser = build_parser(COMMANDS)
    actions = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(next(actions).choices)


def _words(parser: argparse.ArgumentParser) -> list[str]:
    options = [option for action in parser._actions for option in action.option_strings if option.startswith("--")]
    choices = [str(one) for action in parser._actions if not action.option_strings for one in action.choices or ()]
    return sorted({*options, *choices})


def _bash(words: dict[str, list[str]]) -> str:
    cases = "\n".join(f"        {name}) words='{' '.join(some)}' ;;" for name, some in words.items())
    return f"""{_short_names()}
_kirikae() {{
    local words=''
    if [ "$COMP_CWORD" -eq 1 ]; then words='{" ".join(words)}'; else
        case "${{COMP_WORDS[1]}}" in
{cases}
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _kirikae kirikae"""


def _zsh(words: dict[str, list[str]]) -> str:
    cases = "\n".join(f"        {name}) compadd -- {' '.join(some)} ;;" for name, some in words.items())
    return f"""{_short_names()}
_kirikae() {{
    if (( CURRENT == 2 )); then compadd -- {" ".join(words)}; return; fi
    case "$words[2]" in
{cases}
    esac
    _files
}}
(( $+functions[compdef] )) && compdef _kirikae kirikae || true"""


def _fish(words: dict[str, list[str]]) -> str:
    lines = [f"complete -c kirikae -n __fish_use_subcommand -f -a '{' '.join(words)}'"]
    lines += [
        f"complete -c kirikae -n '__fish_seen_subcommand_from {name}' -a '{' '.join(some)}'"
        for name, some in words.items()
    ]
    return "\n".join([_short_names(), *lines])


def _short_names() -> str:
    """The three shells read this form alike."""
    return "\n".join(f"alias {name}='kirikae run --task {task} -- claude'" for name, task in SHORT_NAMES.items())


WRITERS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
