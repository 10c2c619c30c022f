"""Reads of the catalogue: the shipped models, changed by what admins did."""

from functools import lru_cache

from django.http import Http404

from machines.catalogue.entries import Entry, entry_from_document, shipped_entries
from machines.catalogue.fleet import list_factors
from machines.catalogue.models import CatalogueChange, CatalogueText
from routing.engine.fit.catalogue import Catalogue, catalogue_text


def list_entries() -> list[Entry]:
    """By title. One query."""
    return sorted(_merged().values(), key=lambda entry: entry.model.title.lower())


def get_entry(name: str) -> Entry:
    """Raises Http404."""
    found = find_entry(name)
    if found is None:
        raise Http404
    return found


def find_entry(name: str) -> Entry | None:
    return _merged().get(name)


def list_hidden_names() -> list[str]:
    """Shipped models that the team left out."""
    return list(CatalogueChange.objects.filter(document__isnull=True).values_list("name", flat=True))


def current_catalogue() -> Catalogue:
    """As the newest bundle carries it; parsed once in each process."""
    newest = CatalogueText.objects.values_list("digest", flat=True).first()
    return _catalogue_of(newest)


def current_text() -> str:
    """What goes into the next bundle. One query."""
    newest = CatalogueText.objects.first()
    return newest.text if newest else _shipped_text()


def wanted_text() -> str:
    """What the text in force should be: models with their changes, and what the fleet measured."""
    models = [entry.model for entry in _merged().values()]
    bare = Catalogue(catalogue_text(models))
    return catalogue_text(models, list_factors(bare))


def _merged() -> dict[str, Entry]:
    entries = {entry.name: entry for entry in shipped_entries()}
    for name, document in CatalogueChange.objects.values_list("name", "document"):
        is_shipped = name in entries
        entries.pop(name, None)
        if document is not None:
            entries[name] = entry_from_document(document, is_shipped=is_shipped, is_changed=True)
    return dict(sorted(entries.items()))


@lru_cache(maxsize=2)
def _catalogue_of(digest: str | None) -> Catalogue:
    return Catalogue(_shipped_text() if digest is None else current_text())


def _shipped_text() -> str:
    return catalogue_text(sorted((entry.model for entry in shipped_entries()), key=lambda model: model.name))
