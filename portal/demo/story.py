"""Sixty days of the demo's team: who asks for what, when and on which Mac. The same on every run of a day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from random import Random

from portal.demo.cast import MACS, PEOPLE, PROJECTS, PUBLISHED_PART, TASKS, DemoMac, DemoProject, Person, Presence

DAYS = 60
SEED = 20_261_125
# Tokyo, where the team works, is nine hours ahead of UTC and knows no summer time.
_MORNING_UTC = time(0, 10, tzinfo=UTC)
_WORKDAY_S = 9 * 3600
OFFLINE_SINCE = timedelta(days=3)
MISSING_SINCE = timedelta(days=20)
PUBLISHED_SINCE = timedelta(days=18)
# Nothing is told of the last minutes: an agent that is still working has sent no receipt yet.
_QUIET = timedelta(minutes=20)


class Through(StrEnum):
    """How somebody asked: the wrapper on the Mac, the portal's page, or curl with the Mac's token."""

    AGENT = "agent"
    PAGE = "page"
    CURL = "curl"


class Incident(StrEnum):
    NONE = ""
    LAUNCHED_CLOUD = "launched_cloud"
    OTHER_ANSWER = "other_answer"
    LAUNCHED_DIRECTLY = "launched_directly"
    ARGUMENT_REFUSED = "argument_refused"


# Launches that were not what was decided or that went past Kirikae, one that was stopped before it began, and an answer
# that the portal cannot confirm: the first such task from that many days ago on.
INCIDENTS = (
    (41, "code-completion", Incident.LAUNCHED_CLOUD),
    (33, "multi-file-edit", Incident.LAUNCHED_DIRECTLY),
    (22, "simple-docs", Incident.ARGUMENT_REFUSED),
    (17, "commit-message", Incident.LAUNCHED_CLOUD),
    (9, "multi-file-edit", Incident.OTHER_ANSWER),
    (5, "multi-file-edit", Incident.LAUNCHED_DIRECTLY),
    (3, "code-completion", Incident.LAUNCHED_CLOUD),
)


@dataclass(frozen=True)
class Ask:
    at: datetime
    by: Person
    mac: DemoMac
    project: DemoProject
    task: str
    context_tokens: int
    through: Through
    # How long the work took, and with which code it ended.
    lasted_s: int
    exit_code: int
    # What the agent's random part of the id is made from.
    entropy: bytes
    incident: Incident = Incident.NONE


def tell_story(*, now: datetime, days: int) -> list[Ask]:
    """Every question of the team in the last days, in the order of time, the newest some minutes ago."""
    random = Random(SEED)  # noqa: S311 - invented data that has to be the same each time
    today = now.astimezone(UTC).date()
    asks = [ask for ago in range(days - 1, -1, -1) for ask in _tell_day(random, today - timedelta(days=ago))]
    past = sorted((ask for ask in asks if ask.at < now - _QUIET and _is_there(ask, now)), key=lambda ask: ask.at)
    return _with_incidents([_on_published_part(ask, now) for ask in past], today)


def _tell_day(random: Random, day: date) -> Iterator[Ask]:
    is_weekend = day.weekday() >= 5
    for person in PEOPLE:
        is_away = random.random() < (0.93 if is_weekend else 0.1)
        for _number in range(random.randint(4, 8)):
            ask = _tell_ask(random, day, person)
            if not is_away:
                yield ask


def _tell_ask(random: Random, day: date, person: Person) -> Ask:
    """Draws the same count of numbers for every ask, so that one change here moves no other day."""
    projects = [project for project in PROJECTS if person.key in project.team]
    # The owner looks after the Mac that belongs to nobody.
    macs = [mac for mac in MACS if mac.owner == person.key or (mac.owner is None and person is PEOPLE[0])]
    task, _weight, low, high = random.choices(TASKS, [weight for _name, weight, *_rest in TASKS])[0]
    return Ask(
        at=datetime.combine(day, _MORNING_UTC) + timedelta(seconds=random.uniform(0, _WORKDAY_S)),
        by=person,
        mac=random.choices(macs, [3 if index == 0 else 1 for index in range(len(macs))])[0],
        project=random.choices(projects, [project.weight for project in projects])[0],
        task=task,
        context_tokens=random.randint(low // 100, high // 100) * 100,
        through=random.choices(tuple(Through), (90, 4, 6))[0],
        lasted_s=random.randint(8, 1100),
        exit_code=1 if random.random() < 0.04 else 0,
        entropy=random.randbytes(10),
    )


def _is_there(ask: Ask, now: datetime) -> bool:
    since = {Presence.OFFLINE: OFFLINE_SINCE, Presence.MISSING: MISSING_SINCE}.get(ask.mac.presence)
    return since is None or ask.at < now - since


def _on_published_part(ask: Ask, now: datetime) -> Ask:
    """Where one of them has worked for that client since."""
    is_moved = (
        ask.by.key in PUBLISHED_PART.team
        and ask.at > now - PUBLISHED_SINCE
        and "git.hokuto.example:app" in (ask.project.remote or "")
    )
    return replace(ask, project=PUBLISHED_PART) if is_moved else ask


def _with_incidents(asks: Sequence[Ask], today: date) -> list[Ask]:
    told = list(asks)
    for days_ago, task, incident in INCIDENTS:
        day = datetime.combine(today - timedelta(days=days_ago), time(tzinfo=UTC))
        found = next((index for index, ask in enumerate(told) if _is_place_for(ask, task, since=day)), None)
        if found is not None:
            told[found] = replace(told[found], incident=incident)
    return told


def _is_place_for(ask: Ask, task: str, *, since: datetime) -> bool:
    """Incidents concern the work that is under NDA."""
    is_protected = "git.shinonome" in (ask.project.remote or "")
    return is_protected and ask.at >= since and ask.task == task and ask.through is Through.AGENT
