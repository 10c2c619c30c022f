"""The promises, over generated policies, requests and facts.

A plain run tries each a few hundred times; `pytest --hypothesis-profile=slow tests/engine` some thousand times.
"""

from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from routing.engine import wire
from routing.engine.answer import Answer, Backend, Envelope
from routing.engine.bundle_value import Bundle
from routing.engine.decide import decide
from routing.engine.effects import Effect, is_stricter
from routing.engine.facts import MachineFacts, Situation
from routing.engine.matching.signals import read_signals
from routing.engine.policy.values import Policy
from routing.engine.request import TaskRequest
from tests.engine.conftest import NOW, SHIPPED, facts_from, policy_of, unpacked_bundle

pytestmark = pytest.mark.slow

REMOTES = st.sampled_from(
    [
        "git@github.com:acme/app.git",
        "https://github.com/acme/sdk",
        "https://GITHUB.com/Acme/App",
        "git@work:acme/app",
        "https://github.com/ours/site",
        "https://gitlab.com/x/y",
        "/srv/mirror.git",
        "https://github.com/acme/%zz",
    ]
)
PATTERNS = st.sampled_from(
    [
        "github.com/acme/**",
        "github.com/acme/app",
        "github.com/*/sdk",
        "github.com/ours/**",
        "gitlab.com/**",
        "*.com/x/*",
    ]
)
TEXTS = st.sampled_from(["acme", "ours", "Acme"])
PATHS = st.sampled_from(["~/work/acme/app", "~/work", "~/else"])


def signal(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str] | None]:
    return st.none() | st.lists(values, max_size=2, unique=True)


PROJECTS = st.fixed_dictionaries(
    {},
    optional={
        "remotes": signal(REMOTES), "markers": signal(TEXTS), "labels": signal(TEXTS), "paths": signal(PATHS),
        "complete": st.booleans(),
    },
)  # fmt: skip
MATCHES = st.fixed_dictionaries(
    {"remotes": st.lists(PATTERNS, min_size=1, max_size=2)},
    optional={"markers": st.lists(TEXTS, max_size=1), "paths": st.just(["~/work/acme/**"])},
)
OPEN_MATCHES = st.fixed_dictionaries({"remotes": st.lists(PATTERNS, min_size=1, max_size=2)})
RULES = st.lists(
    st.tuples(st.sampled_from(["block", "local_only", "org_only"]), MATCHES)
    | st.tuples(st.just("cloud_ok"), OPEN_MATCHES),
    max_size=4,
).map(lambda rows: [{"id": f"r{at}", "effect": effect, "match": match} for at, (effect, match) in enumerate(rows)])
ORDER = ["block", "local_only", "org_only", "cloud_ok"]
EFFECTS = st.sampled_from(["local_only", "cloud_ok", "org_only", "block"])
TASKS = st.sampled_from([task["id"] for task in SHIPPED["tasks"]])
REQUESTS = st.fixed_dictionaries(
    {"task": TASKS, "projects": st.lists(PROJECTS, min_size=1, max_size=2)},
    optional={
        "offline": st.booleans(), "context_tokens": st.integers(0, 100_000), "deadline_s": st.floats(0, 100),
        "session": st.fixed_dictionaries({"floor": st.none() | EFFECTS}),
        "client": st.sampled_from(["claude", "aider"]), "parallel_agents": st.integers(1, 8),
    },
)  # fmt: skip
MODELS = st.fixed_dictionaries(
    {},
    optional={
        "remote": st.none() | st.booleans(), "tools": st.none() | st.booleans(), "loaded": st.booleans(),
        "size_bytes": st.none() | st.integers(0, 10**11), "effective_context_tokens": st.none() | st.integers(0, 10**5),
        "name": st.sampled_from(["a", "qwen3-coder:30b"]),
    },
)  # fmt: skip
FACTS = st.none() | st.builds(
    lambda models, state, kind: facts_from(models=models, state=state, runtime={"kind": kind}),
    st.lists(MODELS, max_size=3),
    st.fixed_dictionaries({}, optional={"on_battery": st.booleans(), "memory_pressure": st.just("critical")}),
    st.sampled_from(["llama_cpp", "ollama", "openai_compatible"]),
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    rules = draw(RULES)
    exceptions = [
        {"id": f"e-{rule['id']}", "rule": rule["id"], "match": draw(OPEN_MATCHES),
         "effect": draw(st.sampled_from(ORDER[ORDER.index(str(rule["effect"])) + 1 :])),
         "expires": draw(st.sampled_from(["2026-01-01", "2027-01-01"]))}
        for rule in rules
        if rule["effect"] != "cloud_ok" and draw(st.booleans())
    ]  # fmt: skip
    unclassified = {"identified": draw(EFFECTS), "anonymous": draw(EFFECTS)}
    return policy_of(privacy_rules=rules, exceptions=exceptions, unclassified=unclassified)


def answer_of(
    policy: Policy,
    request: dict[str, Any],
    facts: MachineFacts | None,
    state: str = "fresh",
    *,
    bundle: Bundle | None = None,
) -> Answer:
    situation = Situation(now=NOW, policy_state=state, facts_age_s=1)  # type: ignore[arg-type]
    asked = wire.request_from_document(request)
    return decide(asked, bundle=bundle or unpacked_bundle(policy), facts=facts, situation=situation)


WELL_TYPED_REQUESTS = st.from_type(TaskRequest)
WELL_TYPED_FACTS = st.none() | st.from_type(MachineFacts)
WELL_TYPED_SITUATIONS = st.builds(
    Situation, now=st.datetimes(timezones=st.just(UTC)), policy_state=st.sampled_from(["fresh", "stale", "expired"])
)
STATES = st.sampled_from(["fresh", "stale", "expired"])


def test_thorough_profile_tries_thousands_of_examples() -> None:
    assert settings.get_profile("slow").max_examples >= 3_000


@given(policies(), REQUESTS, FACTS, STATES)
def test_protected_work_is_never_answered_cloud(
    policy: Policy, request: dict[str, Any], facts: MachineFacts | None, state: str
) -> None:
    answer = answer_of(policy, request, facts, state)

    if answer.privacy.effect is not Effect.CLOUD_OK:
        assert answer.backend is not Backend.CLOUD
    if answer.privacy.effect is Effect.BLOCK:
        assert answer.backend is Backend.NONE
    if answer.backend is Backend.LOCAL:
        assert answer.runtime is not None
        assert answer.runtime.base_url.startswith("http://127.0.0.1")
        assert answer.launch is not None
        assert (answer.launch.profile == "hardened") is answer.privacy.effect.is_restricting


@given(policies(), REQUESTS, MATCHES, st.sampled_from(["block", "local_only"]))
def test_adding_a_restricting_rule_never_loosens(
    policy: Policy, request: dict[str, Any], match: dict[str, Any], effect: str
) -> None:
    added = policy_of(privacy_rules=[{"id": "added", "effect": effect, "match": match}]).privacy_rules
    stricter = policy._replace(privacy_rules=(*policy.privacy_rules, *added))

    before, after = answer_of(policy, request, None), answer_of(stricter, request, None)

    assert not is_stricter(before.privacy.effect, after.privacy.effect)


@given(policies(), REQUESTS, PROJECTS)
def test_adding_a_project_never_loosens(policy: Policy, request: dict[str, Any], project: dict[str, Any]) -> None:
    more = request | {"projects": [*request["projects"], project]}

    assert not is_stricter(
        answer_of(policy, request, None).privacy.effect, answer_of(policy, more, None).privacy.effect
    )


@given(policies(), REQUESTS, st.sampled_from(["markers", "labels", "paths", "remotes"]), st.data())
def test_adding_a_signal_to_an_identified_project_never_loosens(
    policy: Policy, request: dict[str, Any], key: str, data: st.DataObject
) -> None:
    values = {"markers": TEXTS, "labels": TEXTS, "paths": PATHS, "remotes": REMOTES}[key]
    first = {"remotes": ["https://github.com/ours/site"]} | {
        name: value for name, value in request["projects"][0].items() if name != "complete" and value
    }
    first["remotes"] = first["remotes"] or ["https://github.com/ours/site"]
    assume(read_signals(wire.request_from_document({"task": "x", "projects": [first]}).projects[0]).is_identified)
    base = request | {"projects": [first]}
    added = {**first, key: [*(first.get(key) or []), data.draw(values)]}
    more = request | {"projects": [added]}

    before, after = answer_of(policy, base, None), answer_of(policy, more, None)

    assert not is_stricter(before.privacy.effect, after.privacy.effect)


@given(policies(), REQUESTS, st.sampled_from([{"remotes": None}, {"complete": False}]))
def test_what_was_not_read_never_loosens_an_identified_project(
    policy: Policy, request: dict[str, Any], loss: dict[str, Any]
) -> None:
    known = {"remotes": ["https://gitlab.com/x/y"]}
    policy = policy._replace(privacy_rules=(), exceptions=())

    before = answer_of(policy, request | {"projects": [known]}, None)
    after = answer_of(policy, request | {"projects": [known | loss]}, None)

    assert not is_stricter(before.privacy.effect, after.privacy.effect)


@given(policies(), REQUESTS, FACTS, st.randoms(use_true_random=False))
def test_order_of_rules_does_not_change_the_effect(
    policy: Policy, request: dict[str, Any], facts: MachineFacts | None, random: Any
) -> None:
    rules = list(policy.privacy_rules)
    random.shuffle(rules)
    shuffled = policy._replace(privacy_rules=tuple(rules))

    before, after = answer_of(policy, request, facts), answer_of(shuffled, request, facts)

    assert (before.backend, before.privacy.effect) == (after.backend, after.privacy.effect)


@given(policies(), REQUESTS, FACTS)
def test_same_input_gives_the_same_bytes(policy: Policy, request: dict[str, Any], facts: MachineFacts | None) -> None:
    documents = [
        wire.answer_document(answer_of(policy, request, facts), envelope(number), language=language)
        for number, language in enumerate(("en", "ja"))
    ]

    assert wire.canonical_answer(documents[0]) == wire.canonical_answer(documents[1])


@given(policies(), REQUESTS, FACTS)
def test_facts_of_a_machine_never_change_the_effect(
    policy: Policy, request: dict[str, Any], facts: MachineFacts | None
) -> None:
    assert answer_of(policy, request, facts).privacy.effect is answer_of(policy, request, None).privacy.effect


def envelope(number: int) -> Envelope:
    return Envelope(
        id=f"id-{number}", valid_until=NOW + timedelta(seconds=number), decided_by="agent", policy_age_s=number,
        policy_state="fresh", facts_age_s=number, facts_source="agent",
    )  # fmt: skip


@given(policies(), REQUESTS, FACTS)
def test_scan_and_index_give_the_same_answer(
    policy: Policy, request: dict[str, Any], facts: MachineFacts | None
) -> None:
    situation = Situation(now=NOW, facts_age_s=1)
    scanned = unpacked_bundle(policy)
    asked = wire.request_from_document(request)

    answers = [decide(asked, bundle=one, facts=facts, situation=situation) for one in (scanned, scanned.indexed())]

    assert answers[0] == answers[1]


@given(policies(), WELL_TYPED_REQUESTS, WELL_TYPED_FACTS, WELL_TYPED_SITUATIONS)
def test_whatever_is_well_typed_is_answered_and_protected_work_stays(
    policy: Policy, request: TaskRequest, facts: MachineFacts | None, situation: Situation
) -> None:
    asked = request._replace(task=policy.tasks[len(request.task) % len(policy.tasks)].id)
    bundle = unpacked_bundle(policy)

    answer = decide(asked, bundle=bundle, facts=facts, situation=situation)

    assert answer == decide(asked, bundle=bundle.indexed(), facts=facts, situation=situation)
    assert answer.privacy.effect is Effect.CLOUD_OK or answer.backend is not Backend.CLOUD
    assert wire.encode(wire.answer_document(answer, envelope(1), language="ja"))
