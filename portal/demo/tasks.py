"""The agents of the demo's Macs: without them all of its Macs would be offline within minutes."""

import re
from datetime import datetime

from machines.health.models import INTERVAL_S
from machines.health.states import late_after
from machines.models import Machine
from machines.queries import is_report_wanted
from portal.common import clock
from portal.common.scheduled import scheduled_task
from portal.demo.cast import MACS, Presence
from portal.demo.services import is_demo
from portal.demo.work import keep_alive

# The number behind the name of a Mac that `demo --scale` has added.
_COPY = re.compile(r"-\d+$")


@scheduled_task("demo.keep_alive")
def keep_demo_alive() -> int:
    """Every 30 s; one query in a portal that is no demo. Returns how many Macs were heard of."""
    if not is_demo():
        return 0
    macs = {mac.shown_name: mac for mac in MACS if mac.presence in (Presence.ONLINE, Presence.LATE)}
    now = clock.now()
    heard = 0
    # Read whole: on SQLite a read that is still open makes the writes fail once another process has written.
    for machine in Machine.objects.filter(name__startswith="demo-").exclude(state="retired").select_related("token"):
        mac = macs.get(_COPY.sub("", machine.name))
        if mac is None:
            continue
        if mac.presence is Presence.ONLINE or _is_late(machine, now):
            keep_alive(machine, mac, now=now, is_report_wanted=is_report_wanted(machine, now=now))
            heard += 1
    return heard


def _is_late(machine: Machine, now: datetime) -> bool:
    """The late Mac is heard of only after it has been late for a while."""
    return machine.last_seen_at is None or machine.last_seen_at < now - late_after(INTERVAL_S) * 1.5
