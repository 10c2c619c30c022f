"""Each page and API list of a portal with the demo, asked for within this process; prints a JSON line for each.

CPU is that of this process and of the server's process behind its connection, so it says the same on a busy machine.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import Client
from django.utils import timezone

from machines.catalogue.queries import list_entries
from machines.models import Machine
from portal.accounts.models import Role, Scope, User
from portal.accounts.tokens import issue_service_token
from portal.incidents.models import Incident
from routing.models import Decision
from routing.publishing import load_document

TIMES = 5


@dataclass(frozen=True)
class Asked:
    """The least of several times. `slowest` is the query that took longest."""

    page: str
    who: str
    status: int
    queries: int
    kilobytes: float
    cpu_ms: float
    database_ms: float
    slowest_ms: float
    slowest: str

    @property
    def sum_ms(self) -> float:
        return self.cpu_ms + self.database_ms


@dataclass
class Queries:
    """How long each took, with its text."""

    told: list[tuple[float, str]] = field(default_factory=list)

    def __call__(self, execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.told.append((1000 * (time.perf_counter() - began), f"{sql} -- {params}"))


def main(only: str = "") -> None:
    developer = make_developer()
    admin = User.objects.filter(role=Role.OWNER).earliest("pk")
    token = issue_service_token(name="bench", scope=Scope.ADMIN, by=None, actor="bench").text
    program = {"program": Client(headers={"Authorization": f"Bearer {token}"})}
    people = {"admin": signed_in(admin), "developer": signed_in(developer)}
    for page, address in list_pages(developer).items():
        for who, client in (program if page.startswith("API") else people).items():
            if only in page:
                print(json.dumps(asdict(min((ask(client, page, address, who) for _ in range(TIMES)), key=by_sum))))


def by_sum(one: Asked) -> float:
    return one.sum_ms


def make_developer() -> User:
    """As in a large team: the demo's people own a hundred Macs each, this one a single one."""
    developer, _made = User.objects.get_or_create(email="bench@example.org", defaults={"role": Role.DEVELOPER})
    if not developer.machines.exists():
        one = Machine.objects.filter(owner__role=Role.DEVELOPER, report__isnull=False).latest("pk")
        Machine.objects.filter(pk=one.pk).update(owner=developer)
    return developer


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def list_pages(developer: User) -> dict[str, str]:
    """Addresses by what they are called."""
    machine = developer.machines.earliest("pk").public_id
    decision = Decision.objects.filter(machine__owner=developer).exclude(remotes="").latest("at")
    oldest = Decision.objects.order_by("at")[1000].cursor
    incident = Incident.objects.latest("pk").public_id
    rule = load_document()["privacy_rules"][0]["id"]
    model = next(entry.name for entry in list_entries() if "qwen3-coder" in entry.name.lower())
    month, remote = f"first_day={(timezone.now() - timedelta(days=30)).date()}", f"remote={decision.remote_list[0]}"
    nowhere = "remote=there-is-no-such-one"
    return {
        "`/healthz`, the floor": "/healthz",
        "home": "/",
        "home, the part that moves": "/home/live",
        "log": "/decisions/",
        "log, an old page": f"/decisions/?older={oldest}",
        "log of a month": f"/decisions/?{month}",
        "log of a Mac": f"/decisions/?machine={machine}",
        "log of a repository": f"/decisions/?{remote}",
        "log of a repository that is not there": f"/decisions/?{nowhere}",
        "log as CSV": "/decisions/export.csv",
        "decision": f"/decisions/{decision.pk}/",
        "projects": "/projects/",
        "requests": "/requests/",
        "machines": "/machines/",
        "machines, the last page": "/machines/?page=99",
        "machine": f"/machines/{machine}/",
        "machine, its table": f"/machines/{machine}/fit",
        "incidents": "/incidents/",
        "incident": f"/incidents/{incident}/",
        "models": "/catalogue/",
        "model": f"/catalogue/{model}/",
        "what if, two Macs": "/what-if?other=M4 Max/40&other_memory=128",
        "rules": "/rules/",
        "rule, its preview": f"/rules/{rule}/",
        "exceptions": "/exceptions/",
        "matrix": "/matrix/",
        "guard": "/guard/",
        "notices": "/notices/",
        "deliveries": "/notices/deliveries/",
        "people": "/people",
        "API machines": "/api/v1/machines",
        "API machine": f"/api/v1/machines/{machine}",
        "API fit": f"/api/v1/machines/{machine}/fit",
        "API decisions": "/api/v1/decisions",
        "API decisions of a rule": f"/api/v1/decisions?rule={rule}",
        "API decisions of no rule": "/api/v1/decisions?rule=there-is-no-such-one",
        "API decisions of no repository": f"/api/v1/decisions?{nowhere}",
        "API projects": "/api/v1/projects",
        "API requests": "/api/v1/requests",
        "API policy": "/api/v1/policy",
        "API revisions": "/api/v1/policy/revisions",
        "API audit": "/api/v1/audit",
    }


def ask(client: Client, page: str, address: str, who: str) -> Asked:
    queries = Queries()
    headers = {"HX-Request": "true"} if page.endswith(("the part that moves", "its table")) else {}
    with measured() as used, connection.execute_wrapper(queries):
        response = client.get(address, headers=headers)
        # `getvalue` reads what is streamed.
        size = len(response.getvalue())
    cpu_ms, database_ms = used
    slowest = max(queries.told, default=(0.0, ""))
    return Asked(page, who, response.status_code, len(queries.told), size / 1000, cpu_ms, database_ms, *slowest)


@contextmanager
def measured() -> Iterator[list[float]]:
    """Afterwards it holds the milliseconds of this process and of the database's."""
    used: list[float] = []
    server = server_cpu_ms()
    began = time.process_time()
    yield used
    used += [1000 * (time.process_time() - began), server_cpu_ms() - server]


def server_cpu_ms() -> float:
    """Nanoseconds are the first of the kernel's figures. SQLite runs in this process."""
    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6
