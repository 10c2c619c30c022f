"""YAML files that people hand in and take out: syntax is judged here, what they say by whoever asked for them.

YAML is read by the rules of its version 1.2: `18:00` is a text and `off` is no boolean. Reading costs no more than
a file of the largest size needs: it ends at the first alias (ten lines of them can stand for gigabytes), tag, level or
value too many. Keys that occur twice are refused.
"""

import re
import sys
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from routing.engine.errors import Problem

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 32
# Sixty thousand are read in a second. The catalogue has eighty-four for each model.
MAX_VALUES = 100_000


def content_of(file: str) -> bytes:
    """Of standard input for `-`. No more than a byte too many is read. Raises OSError."""
    if file == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    with Path(file).open("rb") as opened:
        return opened.read(MAX_BYTES + 1)


def read_yaml(content: bytes) -> tuple[object, list[Problem]]:
    """The document of the file, and every problem of its syntax: with any there is no document."""
    if len(content) > MAX_BYTES:
        return None, [_problem("file.too_large", f"more than {MAX_BYTES} bytes", f"at most {MAX_BYTES} bytes")]
    problems: list[Problem] = []
    try:
        loader = _Loader(content.decode("utf-8-sig"), problems)
        document = loader.get_single_data()
    except UnicodeDecodeError as error:
        problems.append(_problem("file.not_utf8", f"byte {error.start}", "UTF-8 text"))
    except _RefusedError as error:
        problems.append(error.problem)
    except yaml.YAMLError as error:
        problems.append(_syntax_problem(error))
    except ValueError:
        # Python refuses to read numbers of more than 4,300 digits.
        problems.append(_problem("file.bad_number", "a number too long to read", "a smaller number"))
    return (None, problems) if problems else (document, [])


def write_yaml(document: Mapping[str, Any]) -> str:
    """In the order of the document, as `read_yaml` gets it back."""
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _RefusedError(Exception):
    def __init__(self, code: str, found: str, allowed: str, event: yaml.Event) -> None:
        super().__init__(found)
        self.problem = _problem(code, found, allowed, line=_line_of(event.start_mark))


class _Loader(yaml.SafeLoader):
    """SafeLoader without aliases, tags, merge keys, duplicate keys, deep nesting and the guesses of YAML 1.1."""

    yaml_implicit_resolvers: Any = {}  # noqa: RUF012 - the stubs know no ClassVar here

    def __init__(self, text: str, problems: list[Problem]) -> None:
        super().__init__(text)
        self.problems = problems
        self._depth = 0
        self._values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._values += 1
        self._depth += 1
        self._refuse_what_costs()
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _refuse_what_costs(self) -> None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
        if isinstance(event, yaml.AliasEvent):
            found, allowed = "aliases are not allowed; write the value out", "valid YAML"
            raise _RefusedError("file.bad_syntax", found, allowed, event)
        if getattr(event, "tag", None) is not None:
            raise _RefusedError("file.bad_syntax", "a tag", "values without tags", event)
        if self._depth > MAX_DEPTH:
            found, allowed = f"more than {MAX_DEPTH} levels", f"at most {MAX_DEPTH} levels"
            raise _RefusedError("file.too_deep", found, allowed, event)
        if self._values > MAX_VALUES:
            found, allowed = f"more than {MAX_VALUES} values", f"at most {MAX_VALUES} values"
            raise _RefusedError("file.too_large", found, allowed, event)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, int] = {}
        for key_node, _value in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "(not a text)"
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(_problem("file.bad_key", key, "a text", line=line))
            elif key in seen:
                found = f"'{key}' again, first on line {seen[key]}"
                self.problems.append(_problem("file.duplicate_key", found, "each key once", line=line))
            seen.setdefault(key, line)
        pairs = [pair for pair in node.value if isinstance(pair[0], yaml.ScalarNode)]
        return {key.value: self.construct_object(value, deep=True) for key, value in pairs}


class _Dumper(yaml.SafeDumper):
    """SafeDumper that never writes an alias, and quotes texts that either version of YAML takes for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_CORE = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
)
for _tag, _pattern, _first in _CORE:
    for _kind in (_Loader, _Dumper):
        _kind.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first)
# An int of YAML 1.2 has no octal form: 010 is ten.
_Loader.add_constructor("tag:yaml.org,2002:int", lambda _loader, node: int(node.value))
_Loader.add_constructor("tag:yaml.org,2002:float", lambda _loader, node: float(node.value))


def _problem(code: str, found: str, allowed: str, *, line: int | None = None) -> Problem:
    return Problem(path=f"line {line}" if line else "", code=code, found=found, allowed=allowed)


def _syntax_problem(error: yaml.YAMLError) -> Problem:
    line = _line_of(getattr(error, "problem_mark", None))
    return _problem("file.bad_syntax", str(getattr(error, "problem", None) or error), "valid YAML", line=line)


def _line_of(mark: Any) -> int | None:
    return mark.line + 1 if mark else None
