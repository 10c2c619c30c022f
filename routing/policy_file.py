"""The policy file: YAML in and out. Syntax is judged here, the policy itself by the engine.

YAML is read by the rules of its version 1.2: `18:00` is a text and `off` is no boolean. Aliases are
refused (ten lines of them can stand for gigabytes), and so are keys that occur twice.
"""

import re
from collections.abc import Hashable, Mapping
from typing import Any

import yaml

from routing.engine.errors import PolicyErrors, Problem

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 32


def read_policy_file(content: bytes) -> object:
    """The document of the file. Raises PolicyErrors with every problem of its syntax."""
    if len(content) > MAX_BYTES:
        raise PolicyErrors((_problem("file.too_large", f"{len(content)} bytes", f"at most {MAX_BYTES} bytes"),))
    try:
        text = content.decode("utf-8-sig")
        loader = _PolicyLoader(text)
    except UnicodeDecodeError as error:
        raise PolicyErrors((_problem("file.not_utf8", f"byte {error.start}", "UTF-8 text"),)) from error
    except yaml.YAMLError as error:
        raise PolicyErrors((_syntax_problem(error),)) from error
    return _load(loader)


def write_policy_file(document: Mapping[str, Any]) -> str:
    """The whole policy as YAML, in the order of the document."""
    return yaml.dump(dict(document), Dumper=_PolicyDumper, sort_keys=False, allow_unicode=True, width=110)


def _load(loader: "_PolicyLoader") -> object:
    try:
        document = loader.get_single_data()
    except yaml.YAMLError as error:
        raise PolicyErrors((*loader.problems, _syntax_problem(error))) from error
    except ValueError as error:
        # Python refuses to read numbers of more than 4,300 digits.
        raise PolicyErrors((_problem("file.bad_number", "a number too long to read", "a smaller number"),)) from error
    finally:
        loader.dispose()
    if loader.problems:
        raise PolicyErrors(tuple(loader.problems))
    return document


class _PolicyLoader(yaml.SafeLoader):
    """SafeLoader without aliases, merge keys, duplicate keys, deep nesting and the guesses of YAML 1.1."""

    yaml_implicit_resolvers: Any = {}  # noqa: RUF012 - the stubs know no ClassVar here

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.problems: list[Problem] = []
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        mark = self.get_mark()
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed; write the value out", mark)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise yaml.composer.ComposerError(None, None, f"nested deeper than {MAX_DEPTH} levels", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

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


_CORE = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
)
for _tag, _pattern, _first in _CORE:
    _PolicyLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first)
# An int of YAML 1.2 has no octal form: 010 is ten.
_PolicyLoader.add_constructor("tag:yaml.org,2002:int", lambda _loader, node: int(node.value))
_PolicyLoader.add_constructor("tag:yaml.org,2002:float", lambda _loader, node: float(node.value))


class _PolicyDumper(yaml.SafeDumper):
    """SafeDumper that never writes an alias, since the loader refuses them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _problem(code: str, found: str, allowed: str, *, line: int | None = None) -> Problem:
    return Problem(path=f"line {line}" if line else "", code=code, found=found, allowed=allowed)


def _syntax_problem(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else None
    return _problem("file.bad_syntax", str(getattr(error, "problem", None) or error), "valid YAML", line=line)
