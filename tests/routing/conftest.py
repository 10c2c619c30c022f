"""Ground of the routing tests: a policy in force, and rules to add to it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from machines.models import Machine
from portal.accounts.models import User
from portal.accounts.token_models import Scope, TokenKind
from portal.accounts.tokens import issue_service_token, issue_token
from routing import bundles, rate
from routing.models import PolicyRevision
from routing.services import publish_revision

ACME = {
    "id": "nda-acme",
    "name": {"en": "Project Falcon", "ja": "ファルコン"},
    "effect": "local_only",
    "match": {"remotes": ["github.com/acme/**"]},
    "reason": {"en": "NDA with Acme", "ja": "Acme社とのNDA"},
    "review_by": "2027-03-31",
}


@pytest.fixture
def publish(aiko: User) -> Callable[..., PolicyRevision]:
    """Publish a policy with these sections over the shipped one."""

    def publish_sections(**sections: Any) -> PolicyRevision:
        return publish_revision(document={"version": 1, **sections}, by=aiko)

    return publish_sections


@pytest.fixture(autouse=True)
def no_bundle_of_another_test() -> None:
    """Time may stand still in tests, so two heads of two tests may look alike."""
    bundles.forget_bundles()


REPORT: dict[str, Any] = {
    "schema": 1,
    "agent_version": "0.1.0",
    "collected_at": "2026-11-25T00:00:00Z",
    "hardware": {"platform": "darwin", "chip": "Apple M4 Pro", "memory_bytes": 68719476736},
    "state": {},
    "runtimes": [
        {
            "kind": "llama_cpp",
            "version": "b10434",
            "base_url": "http://127.0.0.1:8080",
            "state": "up",
            "messages_api": True,
            "models": [
                {
                    "name": "tiny",
                    "quantization": "F16",
                    "format": "gguf",
                    "size_bytes": 215296,
                    "loaded": True,
                    "effective_context_tokens": 32768,
                    "max_context_tokens": 131072,
                    "remote": False,
                    "tools": True,
                }
            ],
        }
    ],
    "absences": [],
}


@dataclass(frozen=True)
class Caller:
    """A token and a client that sends it; `machine` is None for a service token."""

    client: Client
    machine: Machine | None

    def ask(self, document: Any, **headers: str) -> Any:
        return self.client.post("/api/v1/decisions", document, content_type="application/json", headers=headers)


def enrolled(owner: User | None, name: str) -> Caller:
    now = timezone.now()
    token = issue_token(
        kind=TokenKind.MACHINE, scope=Scope.MACHINE, name=name, expires_at=now + timedelta(days=1), created_by=None
    )
    machine = Machine.objects.create(
        name=name,
        owner=owner,
        token=token.row,
        state="online",
        state_since=now,
        created_at=now,
        report=REPORT,
        collected_at=now,
        reported_at=now,
    )
    return Caller(Client(headers={"Authorization": f"Bearer {token.text}"}), machine)


@pytest.fixture
def ben_mini(ben: User) -> Caller:
    """Ben's Mac, with one local model that is up."""
    return enrolled(ben, "ben-mini")


@pytest.fixture
def chie_air(chie: User) -> Caller:
    return enrolled(chie, "chie-air")


@pytest.fixture
def service(aiko: User) -> Caller:
    token = issue_service_token(name="script", scope=Scope.DECIDE, by=aiko)
    return Caller(Client(headers={"Authorization": f"Bearer {token.text}"}), None)


@pytest.fixture(autouse=True)
def no_count_of_another_test() -> None:
    rate.forget_all()
