"""Making and removing the demo. Everything is made by the portal's own services at past times of its clock."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from machines.enrolment import (
    Applicant,
    approve_enrolment,
    create_join_key,
    enrol_by_join_key,
    look_up_code,
    poll_enrolment,
    start_enrolment,
)
from machines.models import Machine
from portal.accounts.invitations import accept_invitation, invite_person
from portal.accounts.models import ApiToken, User
from portal.audit.models import AuditEntry
from portal.common import clock
from portal.common.models import PolicyHead
from portal.common.policy_head import get_head
from portal.demo.cast import DOMAIN, MACS, PEOPLE, DemoMac
from portal.demo.course import live
from portal.demo.reports import AGENT_VERSION, hardware_of
from portal.demo.scale import add_copies
from portal.demo.story import DAYS, tell_story
from portal.demo.work import Team, send_facts, show_today
from portal.setup.services import FirstRun, complete_setup, issue_setup_token
from routing.bundles import forget_bundles
from routing.models import Decision
from routing.policy_file import read_policy_file
from routing.services import ensure_first_revision, publish_revision

POLICY_FILE = Path(__file__).parent / "policy.yaml"
# The client who came while the demo's sixty days ran.
LATER_RULE = "nda-hokuto"

type Document = dict[str, Any]


class DemoRefusedError(Exception):
    """The sentence for the operator."""


@dataclass(frozen=True)
class DemoCounts:
    people: int
    machines: int
    decisions: int


def is_demo() -> bool:
    return get_head().is_demo


@transaction.atomic
def make_demo(*, now: datetime, days_of_work: int = DAYS - 1, scale: int = 1) -> DemoCounts:
    """An invented team that joined sixty days ago and has worked since; its Macs and work `scale` times over.

    Raises DemoRefusedError in a portal that holds anything real.
    """
    if not _is_untouched():
        raise DemoRefusedError(
            _("This portal holds data of its own, so no demo is mixed into it. Start one in another data folder.")
        )
    _start_over(is_demo=True)
    start = now - timedelta(days=DAYS)
    people = _gather_people(start)
    team = Team(people=people, macs={mac.name: _enrol(mac, people, start=start) for mac in MACS})
    later = _publish_policy(people, start=start)
    asks = tell_story(now=now, days=days_of_work)
    live(team, asks, later_rule=later, now=now)
    show_today(team, now=now)
    add_copies(team, asks, now=now, copies=scale - 1)
    return count_demo()


@transaction.atomic
def remove_demo() -> None:
    """The portal as new: people, Macs, decisions and the audit log of the demo are gone.

    Raises DemoRefusedError in a portal that is no demo, and in one that real people have joined.
    """
    if not is_demo():
        raise DemoRefusedError(_("This portal is no demo; nothing was removed."))
    strangers = User.objects.exclude(email__endswith=f"@{DOMAIN}").count()
    if strangers:
        told = ngettext(
            "%(count)d person who is not of the demo has joined this portal, so nothing was removed. "
            "Start a portal of your own in another data folder.",
            "%(count)d people who are not of the demo have joined this portal, so nothing was removed. "
            "Start a portal of your own in another data folder.",
            strangers,
        )
        raise DemoRefusedError(told % {"count": strangers})
    _start_over(is_demo=False)
    ensure_first_revision()


def free_space_of_demo() -> None:
    """SQLite leaves deleted rows in its file and its log, readable there, until both are written anew.

    Not within a transaction. Raises DatabaseError while another process holds the database, or without room.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def ensure_demo(*, scale: int = 1) -> list[str]:
    """The demo, made now if it is not there yet: lines for the operator, with a new password for its people.

    A password that was the same everywhere would be known to all who read this.
    Raises DemoRefusedError for a scale in a portal that holds the demo already.
    """
    is_there = is_demo()
    if is_there and scale > 1:
        raise DemoRefusedError(
            _("This portal holds a demo already, so it was not scaled. Remove it first: manage.py demo --remove")
        )
    counts = count_demo() if is_there else make_demo(now=clock.now(), scale=scale)
    owner, developer = PEOPLE[0], PEOPLE[4]
    size = _("DEMO: %(people)d people, %(machines)d Macs, %(decisions)d decisions.")
    sign_in = _("Sign in as %(owner)s (owner) or %(developer)s (developer), password %(password)s")
    return [
        size % {"people": counts.people, "machines": counts.machines, "decisions": counts.decisions},
        sign_in % {"owner": owner.email, "developer": developer.email, "password": _give_password()},
    ]


def count_demo() -> DemoCounts:
    return DemoCounts(people=User.objects.count(), machines=Machine.objects.count(), decisions=Decision.objects.count())


def _give_password() -> str:
    password = secrets.token_urlsafe(9)
    User.objects.filter(email__endswith=f"@{DOMAIN}").update(password=make_password(password))
    return password


def _is_untouched() -> bool:
    """Nothing in it but the first policy, which the portal publishes by itself."""
    entries = AuditEntry.objects.exclude(action="revision.published", by=None)
    has_data = any(
        rows.exists() for rows in (User.objects, Machine.objects, Decision.objects, ApiToken.objects, entries)
    )
    return not has_data and get_head().revision <= 1


def _start_over(*, is_demo: bool) -> None:
    """Empty tables. The epoch goes up, so that a Mac which enrolled here takes the lower revisions that follow."""
    epoch = get_head().epoch
    # PostgreSQL empties no table of which a check is still due in the same transaction.
    connection.check_constraints()
    call_command("flush", interactive=False, verbosity=0)
    PolicyHead.objects.create(pk=1, epoch=epoch + 1, is_demo=is_demo)
    forget_bundles()


def _gather_people(start: datetime) -> dict[str, User]:
    """The owner sets the portal up, then invites the others, who join one after the other.

    Nobody has a password yet: hashing eight that are never used costs as much as a third of all the rest.
    """
    first, *others = PEOPLE
    with clock.standing_at(start):
        ensure_first_revision()
        first_run = FirstRun(
            name=first.shown_name,
            email=first.email,
            password=None,
            language=first.language,
            organisation="Hoshizora Works (DEMO)",
            time_zone="Asia/Tokyo",
            has_nda=True,
            open_remotes=("github.com/hoshizora/**", "github.com/hoshizora-oss/**"),
        )
        people = {first.key: complete_setup(issue_setup_token(), first_run=first_run)}
    for index, person in enumerate(others, start=1):
        with clock.standing_at(start + timedelta(minutes=7 * index)):
            token = invite_person(by=people[first.key], email=person.email, name=person.shown_name, role=person.role)
        with clock.standing_at(start + timedelta(minutes=7 * index + 40)):
            people[person.key] = accept_invitation(token=token, password=None, language=person.language)
    return people


def _enrol(mac: DemoMac, people: dict[str, User], *, start: datetime) -> Machine:
    index = MACS.index(mac)
    moment = start + timedelta(hours=2, minutes=15 * index)
    applicant = Applicant(name=mac.shown_name, agent_version=AGENT_VERSION, hardware=hardware_of(mac))
    with clock.standing_at(moment):
        machine = _approve(applicant, people[mac.owner], index) if mac.owner else _join(applicant, people["sato"])
        send_facts(machine, mac, at=moment)
    return machine


def _approve(applicant: Applicant, owner: User, index: int) -> Machine:
    started = start_enrolment(applicant=applicant, address=f"192.0.2.{10 + index}")
    machine = approve_enrolment(enrolment=look_up_code(code=started.code, by=owner), by=owner)
    poll_enrolment(poll_token=started.poll_token)
    machine.refresh_from_db()
    return machine


def _join(applicant: Applicant, admin: User) -> Machine:
    key = create_join_key(uses=1, lifetime=timedelta(hours=24), by=admin)
    machine, _token = enrol_by_join_key(join_key=key.text, applicant=applicant)
    return machine


def _publish_policy(people: dict[str, User], *, start: datetime) -> Document:
    """Publishes the policy without its later rule, and returns that rule."""
    document: Any = read_policy_file(POLICY_FILE.read_bytes())
    later = next(rule for rule in document["privacy_rules"] if rule["id"] == LATER_RULE)
    rules = [rule for rule in document["privacy_rules"] if rule is not later]
    with clock.standing_at(start + timedelta(hours=6)):
        publish_revision(
            document={**document, "privacy_rules": rules}, by=people["tanaka"], note="clients of the studio"
        )
    return dict(later)
