"""An agent that speaks to the API, and a Mac of Ben's that has reported."""

from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from machines.enrolment import create_join_key, enrol_by_join_key
from machines.models import Machine
from machines.wire import enrolment_from_document
from portal.accounts.models import User
from portal.audit.services import OPERATOR

HARDWARE: dict[str, Any] = {
    "platform": "darwin",
    "os_version": "15.5",
    "model": "Mac16,11",
    "chip": "Apple M4 Pro",
    "cpu_cores": 14,
    "performance_cores": 10,
    "gpu_cores": 20,
    "memory_bytes": 68719476736,
    "gpu_limit_bytes": 51539607552,
}
ENROLMENT: dict[str, Any] = {"name": "ben-mini", "agent_version": "0.1.0", "hardware": HARDWARE, "join_key": None}
REPORT: dict[str, Any] = {
    "schema": 1,
    "agent_version": "0.1.0",
    "collected_at": "2026-11-25T00:00:00Z",
    "hardware": HARDWARE,
    "state": {"memory_pressure": "normal", "on_battery": False},
    "runtimes": [
        {
            "kind": "llama_cpp",
            "version": "b10434",
            "base_url": "http://127.0.0.1:8080",
            "state": "up",
            "reason": None,
            "messages_api": True,
            "models": [
                {
                    "name": "tiny",
                    "quantization": "F16",
                    "format": "gguf",
                    "size_bytes": 215296,
                    "loaded": True,
                    "effective_context_tokens": 4096,
                    "max_context_tokens": 131072,
                    "remote": False,
                },
                {"name": "gpt-oss:120b-cloud", "remote": True},
            ],
        },
        {"kind": "ollama", "base_url": "http://127.0.0.1:11434", "state": "broken", "reason": "timeout"},
    ],
    "absences": [{"field": "state.swap_used_bytes", "code": "not_on_this_platform"}],
}
BENCHMARK: dict[str, Any] = {
    "runtime": "llama_cpp",
    "runtime_version": "b10434",
    "model": "tiny",
    "quantization": "F16",
    "depth_tokens": 512,
    "prompt_tokens_per_s": 1900.0,
    "decode_tokens_per_s": 310.0,
    "first_token_s": 0.27,
    "runs": 3,
    "method": "kirikae-1",
    "measured_at": "2026-11-25T00:00:00Z",
}


@dataclass(frozen=True)
class Agent:
    """What the API answers to one token."""

    client: Client
    token: str | None = None

    def post(self, path: str, document: object) -> Any:
        return self.client.post(f"/api/v1/{path}", document, content_type="application/json", headers=self._headers())

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1/{path}", headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


@pytest.fixture
def stranger(client: Client) -> Agent:
    return Agent(client)


def join(name: str, owner: User | None = None) -> tuple[Machine, str]:
    key = create_join_key(uses=1, lifetime=timedelta(hours=1), by=None, actor=OPERATOR)
    applicant = enrolment_from_document({**deepcopy(ENROLMENT), "name": name}).applicant
    machine, token = enrol_by_join_key(join_key=key.text, applicant=applicant)
    machine.owner = owner
    machine.save()
    return machine, token


@pytest.fixture
def mac(ben: User) -> Machine:
    """Ben's, enrolled; `agent` holds its token."""
    machine, token = join("ben-mini", ben)
    machine.agent_token = token  # type: ignore[attr-defined] # for the fixture below
    return machine


@pytest.fixture
def agent(client: Client, mac: Machine) -> Agent:
    return Agent(client, mac.agent_token)  # type: ignore[attr-defined] # see above
