"""One entry of the catalogue: the engine's model with what people want to know of it, and where each figure is from."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from django.conf import settings

from routing.engine.errors import WireError
from routing.engine.facts import RuntimeKind, raise_first
from routing.engine.fit.catalogue import MAX_MODELS, CatalogueModel, model_document, read_model
from routing.engine.reading.shapes import ObjectReader, is_visible, read_whole

SHIPPED_FILE = settings.BASE_DIR / "routing" / "data" / "models.json"
NAME = r"[a-z0-9][a-z0-9._-]*"
MAX_TEXTS = 40
# Each stands for fields that one source speaks of.
SOURCED = ("geometry", "sizes", "licence", "tools", "scores", "install")


@dataclass(frozen=True)
class Entry:
    """`unverified` says in words what no source was read for; None when everything has one."""

    model: CatalogueModel
    repository: str | None = None
    tier_basis: str | None = None
    unverified: str | None = None
    note: str | None = None
    scores: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    is_shipped: bool = True
    is_changed: bool = False

    @property
    def name(self) -> str:
        return self.model.name

    def document(self) -> dict[str, Any]:
        """The row as a file has it; what is not known is left out."""
        own = {
            "repository": self.repository,
            "tier_basis": self.tier_basis,
            "unverified": self.unverified,
            "note": self.note,
            "scores": dict(self.scores),
            "sources": dict(self.sources),
        }
        return model_document(self.model) | {key: value for key, value in own.items() if value}


def entry_from_document(document: object, *, is_shipped: bool = False, is_changed: bool = False) -> Entry:
    """Raises WireError for the first thing outside the allowed shape."""
    _check_texts(document, path="")
    entry, problems = read_whole(document, _read_entry)
    raise_first(problems)
    return replace(entry, is_shipped=is_shipped, is_changed=is_changed)


def entries_from_document(document: object) -> list[Entry]:
    """Of `{"models": [...]}`, each name once. Raises WireError, which names the place in the list."""
    _check_texts(document, path="")
    entries, problems = read_whole(document, _read_entries)
    raise_first(problems)
    return entries


@cache
def shipped_entries() -> tuple[Entry, ...]:
    rows = json.loads(SHIPPED_FILE.read_text(encoding="utf-8"))["models"]
    return tuple(entry_from_document(row, is_shipped=True) for row in rows)


def _check_texts(value: object, *, path: str) -> None:
    """One line that shows what it says: a command with a hidden line or turned-round letters is copied by people."""
    if isinstance(value, dict):
        for key, one in value.items():
            _check_texts(key, path=path)
            _check_texts(one, path=f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            _check_texts(one, path=f"{path}[{index}]")
    elif isinstance(value, str) and not is_visible(value):
        raise WireError(
            code="field.invalid",
            field=path,
            detail=f"{path}: found a text with characters that are not shown; allowed: one line of visible text.",
        )


def _read_entries(reader: ObjectReader) -> list[Entry]:
    entries: dict[str, Entry] = {}
    for one in reader.readers("models", high=MAX_MODELS):
        entry = _read_entry(one)
        one.close()
        if entry.name in entries:
            found, allowed = f"'{entry.name}' again", "each name once"
            reader.problems.add(one.at("name"), "field.invalid", found=found, allowed=allowed)
        entries[entry.name] = replace(entry, is_shipped=False)
    return list(entries.values())


def _read_entry(reader: ObjectReader) -> Entry:
    model = read_model(reader)
    # It stands in addresses, where another page has the name "new".
    if not re.fullmatch(NAME, model.name) or model.name == "new":
        reader.wrong("name", found=model.name, allowed="small letters, digits, '.', '_' and '-', and not 'new'")
    for runtime in model.install:
        if runtime not in tuple(RuntimeKind):
            reader.wrong(f"install.{runtime[:40]}", found=runtime, allowed=", ".join(RuntimeKind))
    return Entry(
        model=model,
        repository=reader.optional_text("repository", max_length=200),
        tier_basis=reader.optional_text("tier_basis", max_length=200),
        unverified=reader.optional_text("unverified", max_length=200),
        note=reader.optional_text("note", max_length=500),
        scores=_read_texts(reader, "scores"),
        sources=_read_texts(reader, "sources"),
    )


def _read_texts(reader: ObjectReader, key: str) -> dict[str, str]:
    texts = reader.reader(key, {})
    found = {name: texts.text(name, max_length=1_000) for name in texts.names(high=MAX_TEXTS)}
    texts.close()
    return found
