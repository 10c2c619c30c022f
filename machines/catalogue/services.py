"""Changing the catalogue, and putting the changed text into force: the next bundle carries it."""

import hashlib
from collections.abc import Iterable

from django.db import transaction

from machines.catalogue.entries import Entry, shipped_entries
from machines.catalogue.models import CatalogueChange, CatalogueText
from machines.catalogue.queries import wanted_text
from portal.accounts.models import User
from portal.audit.services import record
from portal.common import clock
from portal.common.policy_head import touch_head
from portal.common.problems import Problem


@transaction.atomic
def save_entries(*, entries: Iterable[Entry], by: User | None, actor: str = "") -> int:
    """Add or change models. `by=None` needs `actor`. Returns how many differ from what was there."""
    changed = sum(_save(entry, by=by, actor=actor) for entry in entries)
    if changed:
        refresh_text()
    return changed


@transaction.atomic
def remove_entry(*, name: str, by: User | None, actor: str = "") -> None:
    """Take a model out: a shipped one is left out, one of the team's own is gone. Raises Problem 404."""
    change = CatalogueChange.objects.filter(name=name).first()
    if is_shipped_name(name):
        values = {"document": None, "updated_at": clock.now(), "updated_by": by}
        change, _made = CatalogueChange.objects.update_or_create(name=name, defaults=values)
    elif change is not None:
        CatalogueChange.objects.filter(pk=change.pk).delete()
    if change is None:
        raise Problem(404, "model.unknown", f"The catalogue has no model '{name}'.")
    record(by=by, actor=actor, action="catalogue.model_removed", subject=change, data={"name": name})
    refresh_text()


@transaction.atomic
def restore_entry(*, name: str, by: User | None, actor: str = "") -> None:
    """Forget what was changed of a shipped model. Raises Problem 404 when nothing was."""
    change = CatalogueChange.objects.filter(name=name).first()
    if change is None or not is_shipped_name(name):
        raise Problem(404, "model.unchanged", f"Nothing was changed of a shipped model '{name}'.")
    record(by=by, actor=actor, action="catalogue.model_restored", subject=change, data={"name": name})
    change.delete()
    refresh_text()


@transaction.atomic
def refresh_text() -> bool:
    """Put what the catalogue should say into force. False when it says so already; then nothing is written."""
    text = wanted_text()
    digest = hashlib.sha256(text.encode()).hexdigest()
    newest = CatalogueText.objects.first()
    if newest is not None and newest.digest == digest:
        return False
    written = CatalogueText.objects.create(digest=digest, text=text, at=clock.now())
    CatalogueText.objects.filter(pk__lt=written.pk).delete()
    touch_head()
    return True


def _save(entry: Entry, *, by: User | None, actor: str) -> bool:
    document = entry.document()
    before = CatalogueChange.objects.filter(name=entry.name).first()
    shipped = next((one.document() for one in shipped_entries() if one.name == entry.name), None)
    if document == (before.document if before else shipped):
        return False
    change, is_new = CatalogueChange.objects.update_or_create(
        name=entry.name, defaults={"document": document, "updated_at": clock.now(), "updated_by": by}
    )
    action = "catalogue.model_added" if is_new and shipped is None else "catalogue.model_changed"
    record(by=by, actor=actor, action=action, subject=change, data={"name": entry.name})
    return True


def is_shipped_name(name: str) -> bool:
    return any(entry.name == name for entry in shipped_entries())
