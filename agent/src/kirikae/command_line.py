"""The whole command line, as `argparse` reads it: every command with its options, help and errors."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import NoReturn

from kirikae import __version__
from kirikae.arguments import Arguments
from kirikae.errors import UsageError
from kirikae.texts import choose_language, say

CLIENTS = ("claude", "aider", "goose", "codex", "other")
NEEDS = ("tools", "vision")
# What argparse says in help and errors of ours. In the portal's words, which holds a test.
ARGPARSE_IN_JAPANESE: Mapping[str, str] = {
    "usage: ": "使い方: ",
    "options": "オプション",
    "positional arguments": "引数",
    "show this help message and exit": "このヘルプを表示して終了する",
    "argument %(argument_name)s: %(message)s": "引数 %(argument_name)s: %(message)s",
    "expected one argument": "値が一つ必要です",
    "ignored explicit argument %r": "値 %r は指定できません",
    "invalid choice: %(value)r (choose from %(choices)s)": "%(value)r は選べません（選択肢: %(choices)s）",
    "the following arguments are required: %s": "次の引数が必要です: %s",
    "unrecognized arguments: %s": "不明な引数: %s",
}


def _in_language(text: str) -> str:
    return ARGPARSE_IN_JAPANESE.get(text, text) if choose_language() == "ja" else text


# argparse would ask the locale alone, and only the catalogues of the system.
vars(argparse).update(_=_in_language)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError("usage", detail=message)


def parse(own: Sequence[str]) -> Arguments:
    """Raises UsageError; ends the process after printing help."""
    return parser_for(own[0] if own else "", choose_language()).parse_args(own, Arguments())


@cache
def parser_for(command: str, language: str) -> Parser:
    """Kept by the resident agent. With one command it takes a tenth of the time that all of them take."""
    return build_parser([command] if command in COMMANDS else COMMANDS)


def build_parser(names: Iterable[str]) -> Parser:
    parser = Parser(prog="kirikae", description=say("help.program"))
    parser.add_argument("--version", action="version", version=f"kirikae {__version__}", help=say("help.version"))
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    for name in names:
        words = say(f"help.{name}")
        COMMANDS[name](commands.add_parser(name, help=words, description=words, allow_abbrev=False))
    return parser


def _takes_nothing(parser: Parser) -> None:
    pass


def _enrol(parser: Parser) -> None:
    parser.add_argument("url", metavar="URL", help=say("help.url"))
    parser.add_argument("--join-key", metavar="KEY", help=say("help.join_key"))
    parser.add_argument("--name", metavar="NAME", help=say("help.name"))


def _report(parser: Parser) -> None:
    parser.add_argument("--show", action="store_true", help=say("help.show"))


def _bench(parser: Parser) -> None:
    parser.add_argument("--model", metavar="M", help=say("help.model"))
    parser.add_argument("--depth", metavar="N", type=_whole(0, 10**8), action="append", help=say("help.depth"))


def _fit(parser: Parser) -> None:
    tokens, agents = _whole(0, 10**12), _whole(1, 10**4)
    parser.add_argument("--context", type=tokens, default=32_768, metavar="N", help=say("help.context"))
    parser.add_argument("--parallel-agents", type=agents, default=1, metavar="N", help=say("help.parallel_agents"))
    parser.add_argument("--all", action="store_true", help=say("help.all"))
    parser.add_argument("--json", action="store_true", help=say("help.json"))


def _whole(low: int, high: int) -> Callable[[str], int]:
    """Bounds as the API has them, so that both refuse the same."""

    def read(text: str) -> int:
        if not text.removeprefix("-").isdecimal() or not low <= int(text[:20]) <= high:
            raise argparse.ArgumentTypeError(say("usage.not_whole", text=repr(text[:40]), low=low, high=high))
        return int(text)

    return read


def _needs(text: str) -> str:
    odd = next((need for need in text.split(",") if need and need not in NEEDS), None)
    if odd is not None:
        raise argparse.ArgumentTypeError(say("usage.unknown_need", text=repr(odd[:40]), known=", ".join(NEEDS)))
    return text


def _ask(parser: Parser) -> None:
    parser.add_argument("task", metavar="TASK", help=say("help.task"))
    parser.add_argument("--project", metavar="DIR", action="append", default=[], help=say("help.project"))
    tokens, agents = _whole(0, 10**8), _whole(1, 10**3)
    parser.add_argument("--context-tokens", type=tokens, default=0, metavar="N", help=say("help.context_tokens"))
    parser.add_argument("--parallel-agents", type=agents, metavar="N", help=say("help.parallel_agents"))
    parser.add_argument("--needs", type=_needs, default="", metavar="LIST", help=say("help.needs"))
    parser.add_argument("--client", choices=CLIENTS, default="claude", help=say("help.client"))
    parser.add_argument("--mode", choices=("tui", "print"), default="print", help=say("help.mode"))
    for flag in ("offline", "json", "why"):
        parser.add_argument(f"--{flag}", action="store_true", help=say(f"help.{flag}"))


def _run(parser: Parser) -> None:
    parser.usage = "kirikae run [--task TASK] [--allow PROGRAM] [--dry-run] [--why] -- CLIENT [ARGUMENT ...]"
    parser.epilog = say("help.command")
    parser.add_argument("--task", metavar="TASK", help=say("help.task"))
    parser.add_argument("--allow", metavar="PROGRAM", help=say("help.allow"))
    parser.add_argument("--dry-run", action="store_true", help=say("help.dry_run"))
    parser.add_argument("--why", action="store_true", help=say("help.why"))


def _request(parser: Parser) -> None:
    parser.add_argument("kind", choices=("classify", "exception"), help=say("help.request_kind"))
    parser.add_argument("--reason", default="", metavar="TEXT", help=say("help.reason"))


def _service(parser: Parser) -> None:
    parser.add_argument("action", choices=("install", "remove", "status", "run"), help=say("help.action"))
    parser.add_argument("--listen", metavar="ADDRESS", help=say("help.listen"))


def _statusline(parser: Parser) -> None:
    parser.usage = "kirikae statusline [-- COMMAND [ARGUMENT ...]]"


def _shell_init(parser: Parser) -> None:
    parser.add_argument("shell", choices=("zsh", "bash", "fish"), help=say("help.shell"))


# In the order of the help.
COMMANDS: Mapping[str, Callable[[Parser], None]] = {
    "enrol": _enrol,
    "report": _report,
    "bench": _bench,
    "sync": _takes_nothing,
    "models": _takes_nothing,
    "doctor": _takes_nothing,
    "guard": _takes_nothing,
    "fit": _fit,
    "ask": _ask,
    "run": _run,
    "request": _request,
    "service": _service,
    "statusline": _statusline,
    "shell-init": _shell_init,
}
