"""What `.ci/bench engine` asks the engine: by what the process has met before, and a team's day."""

import random
from collections.abc import Sequence

from routing.engine import wire
from routing.engine.facts import MachineFacts
from routing.engine.request import TaskRequest
from tests.bench.rule_workload import Asked

KNOWN_PROJECTS = 200
# The day: people who ask once a minute, five times about one project and then about the next; some hundreds of projects
# of which few are worked in often, and now and then one that nobody has asked about; Macs that report every ten
# minutes, as agents do: each time another free memory, and every second Mac what is left of the cloud's allowance.
MACS, REPORT_EVERY, PROJECT_FOR = 20, 10, 5
TASKS = {"multi-file-edit": 5, "commit-message": 3, "architecture-design": 2}
TEAM_PROJECTS, UNSEEN_SHARE = 300, 0.1

type Question = tuple[TaskRequest, MachineFacts]


def task_request(asked: Asked, task: str = "multi-file-edit") -> TaskRequest:
    project = {"remotes": [asked.url], "paths": [asked.path], "root_commits": [asked.root_commit], "markers": []}
    return wire.request_from_document({"task": task, "client": "claude", "projects": [project]})


def new_projects(asked: Sequence[Asked], facts: MachineFacts) -> list[Question]:
    return [(task_request(one), facts) for one in asked]


def again(asked: Sequence[Asked], facts: MachineFacts) -> list[Question]:
    few = new_projects(asked[:KNOWN_PROJECTS], facts)
    return (few * (len(asked) // KNOWN_PROJECTS + 1))[: len(asked)]


def reported(asked: Sequence[Asked], facts: MachineFacts) -> list[Question]:
    return [(task_request(one), reported_anew(facts, at)) for at, one in enumerate(asked)]


def served_anew(asked: Sequence[Asked], facts: MachineFacts) -> list[Question]:
    """Each time after a report that changes the outcome: the runtimes serve their models with another context."""
    return [(task_request(one), with_context(facts, 60_000 + at)) for at, one in enumerate(asked)]


def sized(asked: Sequence[Asked], facts: MachineFacts) -> list[Question]:
    return [(task_request(one)._replace(context_tokens=at), facts) for at, one in enumerate(asked)]


def team_day(asked: Sequence[Asked], facts: MachineFacts, *, dice: random.Random) -> list[Question]:
    """As many questions as projects were given; each is read anew, as a process reads what comes to it."""
    team, unseen = asked[:TEAM_PROJECTS], iter(asked[TEAM_PROJECTS:])
    by_rank = [1 / rank for rank in range(1, len(team) + 1)]
    at_work: dict[int, Asked] = {}
    questions = []
    for number in range(len(asked)):
        turn, mac = divmod(number, MACS)
        # Neither all people nor all reports come at once.
        if (turn + mac) % PROJECT_FOR == 0 or mac not in at_work:
            is_unseen = dice.random() < UNSEEN_SHARE
            at_work[mac] = next(unseen) if is_unseen else dice.choices(team, by_rank)[0]
        report = (turn + mac) // REPORT_EVERY
        its_facts = reported_anew(facts, report) if mac % 2 else with_free_memory(facts, report)
        (task,) = dice.choices(list(TASKS), list(TASKS.values()))
        questions.append((task_request(at_work[mac], task), its_facts._replace(machine=f"m_{mac:016}")))
    return questions


def reported_anew(facts: MachineFacts, number: int) -> MachineFacts:
    """Another report of the same Mac: other free memory, and a little less left of the cloud's allowance."""
    state = facts.state._replace(memory_available_bytes=16 * 10**9 + number, cloud_quota_left=1 - number / 10_000)
    return facts._replace(state=state)


def with_context(facts: MachineFacts, tokens: int) -> MachineFacts:
    runtimes = [
        runtime._replace(models=tuple([one._replace(effective_context_tokens=tokens) for one in runtime.models]))
        for runtime in facts.runtimes
    ]
    return facts._replace(runtimes=tuple(runtimes))


def with_free_memory(facts: MachineFacts, number: int) -> MachineFacts:
    """One in which only the free memory has changed."""
    return facts._replace(state=facts.state._replace(memory_available_bytes=16 * 10**9 + number))
