"""What there is to poll, as machines' reports tell it. Without a network that an admin allows there is nothing."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings

from machines.health.models import PollTarget
from machines.models import Machine
from portal.common.sealing import seal
from routing.engine.facts import Report, RuntimeFacts

PERIOD_S = 60.0
_LOOPBACK = ("localhost", "127.", "::1", "0.0.0.0", "::")  # noqa: S104 - names of what is not polled
type Place = tuple[str, str, int]


def note_targets(machine: Machine, report: Report, *, now: datetime) -> None:
    """The report's places replace those of the one before; what was seen of a place that stays is kept."""
    wanted = dict(_list_places(report)) if settings.POLL_NETWORKS else {}
    known = {(target.kind, target.host, target.port): target for target in machine.poll_targets.all()}
    gone = [target.pk for place, target in known.items() if place not in wanted]
    if gone:
        PollTarget.objects.filter(pk__in=gone).delete()
    for place, token in wanted.items():
        if place not in known:
            _add(machine, place, token, now=now)
        elif known[place].token != token:
            PollTarget.objects.filter(pk=known[place].pk).update(sealed_token=_sealed(token))


def _add(machine: Machine, place: Place, token: str, *, now: datetime) -> None:
    kind, host, port = place
    # Spread over the period from the first time on.
    due_at = now + timedelta(seconds=random.uniform(0, PERIOD_S))  # noqa: S311 - no secret
    PollTarget.objects.bulk_create(
        [PollTarget(machine=machine, kind=kind, host=host, port=port, sealed_token=_sealed(token), due_at=due_at)],
        ignore_conflicts=True,
    )


def _sealed(token: str) -> str:
    """Most targets have none."""
    return seal(token) if token else ""


def _list_places(report: Report) -> Iterator[tuple[Place, str]]:
    """Of one host, for a Mac is one: otherwise a report could have the portal look through a whole network."""
    host = None
    for place, token in _list_all(report):
        host = host or place[1]
        if place[1] == host:
            yield place, token


def _list_all(report: Report) -> Iterator[tuple[Place, str]]:
    if report.poll is not None:
        yield (PollTarget.AGENT, report.poll.host, report.poll.port), report.poll.token
    for runtime in report.runtimes:
        place = _place_of(runtime)
        if place is not None:
            yield place, ""


def _place_of(runtime: RuntimeFacts) -> Place | None:
    """A runtime that its machine exposes: host and port alone, for the path is ours to choose."""
    parts = urlsplit(runtime.base_url)
    host = parts.hostname or ""
    if parts.scheme != "http" or not host or len(host) > 253 or host.startswith(_LOOPBACK):
        return None
    return str(runtime.kind), host, parts.port or 80
