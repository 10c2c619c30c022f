"""Taking typed values out of parsed documents, collecting what is wrong with them.

A reader never raises: it notes a Problem and goes on with a harmless value, so that one pass finds everything.
The caller looks at `problems` at the end. Values of private fields (remotes, paths) are never quoted.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from ..errors import Problem
from .strict_json import has_refused_character

_REQUIRED = object()


class Problems:
    """The list that all readers of one document share."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, path: str, code: str, *, found: str, allowed: str) -> None:
        self.found.append(Problem(path=path, code=code, found=found, allowed=allowed))


_MAX_NAME = 200


class ObjectReader:
    """Reads the keys of one JSON object; `close` notes the keys that nobody asked for."""

    def __init__(self, value: object, *, path: str, problems: Problems, is_private: bool = False) -> None:
        self.path = path
        self.problems = problems
        self.is_private = is_private
        self._taken: set[str] = set()
        self._values: Mapping[str, object] = {}
        if isinstance(value, dict):
            self._values = value
        else:
            self.wrong(path, found=value, allowed="an object")

    def close(self) -> None:
        known = ", ".join(sorted(self._taken))
        for key in self._values:
            if key not in self._taken:
                self.problems.add(
                    self.at(str(key)[:60]), "field.unknown", found="a field that is not known here", allowed=known
                )

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def wrong(self, path: str, *, found: object, allowed: str, code: str = "field.invalid") -> None:
        self.problems.add(path, code, found=describe(found, is_private=self.is_private), allowed=allowed)

    def has(self, key: str) -> bool:
        return key in self._values

    def names(self, *, high: int) -> tuple[str, ...]:
        """The keys of an object whose keys are names and not a fixed set. None of too many or of odd ones is read."""
        names = tuple(self._values)
        if len(names) > high:
            self.problems.add(self.path, "field.invalid", found=f"{len(names)} entries", allowed=f"0 to {high} entries")
        elif odd := [name for name in names if not _is_name(name)]:
            self.wrong(self.path, found=odd[0], allowed=f"names of 1 to {_MAX_NAME} characters")
        else:
            return names
        self._taken |= self._values.keys()
        return ()

    def take(self, key: str, default: object = _REQUIRED) -> object:
        self._taken.add(key)
        if key in self._values:
            return self._values[key]
        if default is _REQUIRED:
            self.problems.add(self.at(key), "field.missing", found="nothing", allowed="a value")
            return None
        return default

    def text(self, key: str, default: object = _REQUIRED, *, max_length: int = 300, may_be_empty: bool = False) -> str:
        found = self.take(key, default)
        is_long_enough = bool(found) or may_be_empty or found == default
        if is_long_enough and isinstance(found, str) and _is_text(found, max_length):
            return found
        if self.has(key):
            self.wrong(self.at(key), found=found, allowed=f"a text of 1 to {max_length} characters")
        return ""

    def optional_text(self, key: str, *, max_length: int = 300) -> str | None:
        return None if self.take(key, None) is None else self.text(key, max_length=max_length, may_be_empty=True)

    def visible_text(self, key: str, default: object = _REQUIRED, *, max_length: int = 300) -> str:
        """What a machine says and people read: on pages, in tables, on terminals."""
        found = self.text(key, default, max_length=max_length)
        if not is_visible(found):
            self.wrong(self.at(key), found=found, allowed="one line of visible text")
        return found

    def optional_visible_text(self, key: str, *, max_length: int = 300) -> str | None:
        found = self.optional_text(key, max_length=max_length)
        if found is not None and not is_visible(found):
            self.wrong(self.at(key), found=found, allowed="one line of visible text")
        return found

    def choice(self, key: str, choices: Iterable[str], default: object = _REQUIRED) -> str:
        allowed = tuple(choices)
        found = self.take(key, default)
        if isinstance(found, str) and (found in allowed or found == default):
            return found
        if self.has(key):
            self.wrong(self.at(key), found=found, allowed=", ".join(allowed))
        return allowed[0]

    def optional_choice(self, key: str, choices: Iterable[str]) -> str | None:
        return None if self.take(key, None) is None else self.choice(key, choices)

    def boolean(self, key: str, default: object = _REQUIRED) -> bool:
        found = self.take(key, default)
        if isinstance(found, bool):
            return found
        if self.has(key):
            self.wrong(self.at(key), found=found, allowed="true or false")
        return False

    def optional_boolean(self, key: str) -> bool | None:
        return None if self.take(key, None) is None else self.boolean(key)

    def integer(self, key: str, default: object = _REQUIRED, *, low: int = 0, high: int = 2**53) -> int:
        found = self.take(key, default)
        if isinstance(found, int) and not isinstance(found, bool) and low <= found <= high:
            return found
        if self.has(key):
            self.wrong(self.at(key), found=found, allowed=f"a whole number from {low} to {high}")
        return low

    def optional_integer(self, key: str, *, low: int = 0, high: int = 2**53) -> int | None:
        return None if self.take(key, None) is None else self.integer(key, low=low, high=high)

    def number(self, key: str, default: object = _REQUIRED, *, low: float = 0, high: float = 1e12) -> float:
        found = self.take(key, default)
        if isinstance(found, int | float) and not isinstance(found, bool) and low <= found <= high:
            return float(found) + 0.0  # minus zero becomes zero: equal values are told alike
        if self.has(key):
            self.wrong(self.at(key), found=found, allowed=f"a number from {low:g} to {high:g}")
        return low

    def optional_number(self, key: str, *, low: float = 0, high: float = 1e12) -> float | None:
        return None if self.take(key, None) is None else self.number(key, low=low, high=high)

    def time(self, key: str) -> datetime:
        """A time with its zone, in UTC."""
        found = self.text(key, max_length=40)
        try:
            time = datetime.fromisoformat(found)
            if time.tzinfo is not None:
                return time.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        if self.has(key):
            self.wrong(self.at(key), found=found, allowed="a time with its zone, such as 2026-11-25T09:30:00Z")
        return datetime(1970, 1, 1, tzinfo=UTC)

    def items(self, key: str, default: object = _REQUIRED, *, low: int = 0, high: int) -> list[object]:
        """The list under `key`; too long a list is a problem, never cut silently."""
        found = self.take(key, default)
        if isinstance(found, list) and low <= len(found) <= high:
            return found
        if isinstance(found, list):
            self.problems.add(
                self.at(key), "field.invalid", found=f"{len(found)} entries", allowed=f"{low} to {high} entries"
            )
        elif self.has(key):
            self.wrong(self.at(key), found=found, allowed="a list")
        return []

    def texts(self, key: str, default: object = _REQUIRED, *, high: int, max_length: int = 300) -> tuple[str, ...]:
        taken: list[str] = []
        for index, found in enumerate(self.items(key, default, high=high)):
            if isinstance(found, str) and found and _is_text(found, max_length):
                taken.append(found)
            else:
                self.wrong(f"{self.at(key)}[{index}]", found=found, allowed=f"a text of 1 to {max_length} characters")
        return tuple(taken)

    def optional_texts(self, key: str, *, high: int, max_length: int) -> tuple[str, ...] | None:
        return None if self.take(key, None) is None else self.texts(key, high=high, max_length=max_length)

    def reader(self, key: str, default: object = _REQUIRED) -> "ObjectReader":
        value = self.take(key, default)
        return ObjectReader(value, path=self.at(key), problems=self.problems, is_private=self.is_private)

    def readers(self, key: str, default: object = _REQUIRED, *, low: int = 0, high: int) -> list["ObjectReader"]:
        return [
            ObjectReader(value, path=f"{self.at(key)}[{index}]", problems=self.problems, is_private=self.is_private)
            for index, value in enumerate(self.items(key, default, low=low, high=high))
        ]


def read_whole[T](document: object, read: Callable[[ObjectReader], T]) -> tuple[T, list[Problem]]:
    """Read one whole document with `read` and note its unknown fields."""
    problems = Problems()
    reader = ObjectReader(document, path="", problems=problems)
    value = read(reader)
    reader.close()
    return value, problems.found


def _is_text(found: str, max_length: int) -> bool:
    return len(found) <= max_length and not has_refused_character(found)


def _is_name(found: object) -> bool:
    return isinstance(found, str) and found != "" and _is_text(found, _MAX_NAME)


def is_visible(text: str) -> bool:
    """One line that shows what it says: nothing that steers a terminal or turns letters round."""
    return text.isprintable() or text.replace("\u3000", " ").isprintable()


def describe(found: object, *, is_private: bool = False) -> str:
    """What was found, in words short enough for a message."""
    if isinstance(found, str):
        return _describe_text(found, is_private=is_private)
    if isinstance(found, dict):
        return "an object"
    if isinstance(found, list):
        return "a list"
    if found is None or isinstance(found, bool):
        return {None: "null", True: "true", False: "false"}[found]
    return str(found)[:40]


def _describe_text(found: str, *, is_private: bool) -> str:
    if has_refused_character(found):
        return "a text with NUL or half of a surrogate pair"
    if is_private or len(found) > 60:
        return f"a text of {len(found)} characters"
    return f"'{found}'" if is_visible(found) else "a text with characters that are not shown"
