"""Reads of the outbox for its pages."""

from dataclasses import dataclass

from django.db.models import Count, Min, Q, QuerySet
from django.shortcuts import get_object_or_404

from portal.accounts.models import User
from portal.common import clock
from portal.notices.models import Delivery, Destination

SHOWN = 100
OWN_SHOWN = 20
State = Delivery.State


@dataclass(frozen=True)
class Depth:
    """`waiting_s`: how long the oldest that is due has been waiting; 0 when none is."""

    waiting: int
    dead: int
    waiting_s: int


def list_own_deliveries(person: User) -> list[Delivery]:
    return list(_with_receivers().filter(person=person)[:OWN_SHOWN])


def list_deliveries(*, is_dead_only: bool) -> list[Delivery]:
    found = _with_receivers()
    return list((found.filter(state=State.DEAD) if is_dead_only else found)[:SHOWN])


def list_deliveries_about(subject: str, *, seen_by: User) -> list[Delivery]:
    """Of notices about the thing with that public id; a developer sees those to themselves."""
    found = _with_receivers().filter(notice__subject=subject)
    return list((found if seen_by.can_read_all else found.filter(person=seen_by))[:SHOWN])


def measure_depth() -> Depth:
    is_due = Q(state=State.WAITING, due_at__lte=clock.now())
    found = Delivery.objects.aggregate(
        waiting=Count("pk", filter=Q(state=State.WAITING)),
        dead=Count("pk", filter=Q(state=State.DEAD)),
        oldest=Min("due_at", filter=is_due),
    )
    waiting_s = (clock.now() - found["oldest"]).total_seconds() if found["oldest"] else 0
    return Depth(waiting=found["waiting"], dead=found["dead"], waiting_s=round(waiting_s))


def get_dead_delivery(public_id: str) -> Delivery:
    """Raises Http404."""
    return get_object_or_404(Delivery, public_id=public_id, state=State.DEAD)


def list_destinations() -> list[Destination]:
    return list(_destinations())


def list_own_destinations(person: User) -> list[Destination]:
    return list(_destinations().filter(person=person))


def get_destination(public_id: str, *, used_by: User) -> Destination:
    """An admin's are all of them; others have their own. Raises Http404."""
    found = _destinations() if used_by.is_admin else _destinations().filter(person=used_by)
    return get_object_or_404(found, public_id=public_id)


def _destinations() -> QuerySet[Destination]:
    return Destination.objects.filter(removed_at=None).select_related("person")


def _with_receivers() -> QuerySet[Delivery]:
    return Delivery.objects.select_related("notice", "person", "destination")
