"""Whatever a report may say, the pages that show it and the decision that goes by it answer."""

from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from machines import rate
from machines.models import Machine
from portal.accounts.models import User
from routing.engine.facts import BROKEN_REASONS, MemoryPressure, RuntimeKind, RuntimeState
from tests.machines.conftest import Agent

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def maybe(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.none() | values


TEXTS = maybe(st.sampled_from(["", "<b>", "Apple M5 Max", "Apple M1", "日本", "%s %d {{x}}", "a" * 40]))
SIZES = maybe(st.sampled_from([0, 1, 2**30, 2**36]))
CORES = maybe(st.integers(1, 4096))
TOKENS = maybe(st.integers(0, 2**31))
FLAGS = maybe(st.booleans())
HARDWARE = st.fixed_dictionaries(
    {"platform": st.sampled_from(["darwin", "linux"])},
    optional={
        **dict.fromkeys(("os_version", "model", "chip"), TEXTS),
        **dict.fromkeys(("cpu_cores", "performance_cores", "gpu_cores"), CORES),
        **dict.fromkeys(("memory_bytes", "gpu_limit_bytes"), maybe(st.sampled_from([1, 2**30, 2**36, 2**40]))),
    },
)
STATE = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("memory_available_bytes", "swap_used_bytes"), SIZES),
        **dict.fromkeys(("on_battery", "low_power", "cloud_available"), FLAGS),
        "memory_pressure": maybe(st.sampled_from(list(MemoryPressure))),
        "cloud_quota_left": maybe(st.floats(0, 1)),
    },
)
MODEL = st.fixed_dictionaries(
    {"name": st.sampled_from(["qwen3-coder-next", "m", "<i>", "gpt-oss:20b", "a/b:c@d"])},
    optional={
        "quantization": TEXTS.map(lambda text: text and text[:20]),
        **dict.fromkeys(("size_bytes", "parameters", "memory_bytes"), SIZES),
        **dict.fromkeys(("effective_context_tokens", "max_context_tokens"), TOKENS),
        **dict.fromkeys(("remote", "tools", "vision"), FLAGS),
        "loaded": st.booleans(),
    },
)
RUNTIME = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(list(RuntimeKind)),
        "base_url": st.sampled_from(["http://127.0.0.1:1", "https://[::1]:5/x?y", "http://日本.example"]),
        "state": st.sampled_from(list(RuntimeState)),
    },
    optional={
        "version": TEXTS,
        "reason": maybe(st.sampled_from(BROKEN_REASONS)),
        "messages_api": FLAGS,
        "models": st.lists(MODEL, max_size=3, unique_by=lambda model: model["name"]),
    },
)
REPORTS = st.fixed_dictionaries(
    {
        "schema": st.just(1),
        "agent_version": st.sampled_from(["1", "<x>"]),
        "collected_at": st.sampled_from(["2026-11-25T00:00:00Z", "9999-12-31T23:59:59Z", "0002-01-01T00:00:00Z"]),
        "hardware": HARDWARE,
        "state": STATE,
        "runtimes": st.lists(RUNTIME, max_size=3, unique_by=lambda runtime: runtime["base_url"]),
    }
)


def test_every_page_and_the_decision_answer_whatever_a_report_says(agent: Agent, mac: Machine, ben: User) -> None:
    browser = Client()
    browser.force_login(ben)
    pages = ("/", "/machines/", f"/machines/{mac.public_id}/", "/catalogue/qwen3-coder-next/")
    asked = {"task": "architecture-design", "projects": [{"remotes": ["git@github.com:a/b.git"]}]}
    sequence = iter(range(1, 10_000))

    @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
    @given(REPORTS)
    def every_report_is_shown(report: dict[str, Any]) -> None:
        rate.forget_all()

        sent = agent.post("reports", {**report, "boot_id": "a" * 32, "sequence": next(sequence)})

        assert sent.status_code == 200, sent.content
        assert [browser.get(page).status_code for page in pages] == [200] * len(pages)
        assert agent.post("decisions", {**asked, "machine": mac.public_id}).status_code == 200

    every_report_is_shown()
