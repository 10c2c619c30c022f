"""What an answer tells, word for word: reasons with their stages, near misses, warnings, and what was not taken."""

from datetime import date
from typing import Any

import pytest

from routing.engine import ENGINE_VERSION
from routing.engine.answer import Alternative, Answer, Backend, NearMiss, Note, Reason, Remedy, Stage
from routing.engine.decide import decide
from routing.engine.effects import Effect
from routing.engine.facts import Situation
from routing.engine.matching.signals import read_signals
from routing.engine.prefixes import ClientPrefixes, PrefixRow
from routing.engine.request import Client, ClientMode, ClientName, Project, Remote, TaskRequest
from routing.engine.rules import MAX_NEAR_MISSES, Finding, PrivacyRules
from tests.engine.conftest import (
    ACME,
    NDA_RULE,
    NOW,
    OPEN_RULE,
    OTHER,
    OURS,
    Ask,
    facts_from,
    policy_of,
    unpacked_bundle,
)

TEAM = {"remotes": ["git@bitbucket.org:team/tool.git"]}
MODEL = "qwen3-coder:30b"
CLOSED = {"identified": "local_only", "anonymous": "local_only"}
WHY = {"why": {"en": "NDA with Acme", "ja": "Acme社とのNDA"}}


def told(answer: Answer, *stages: Stage) -> list[tuple[str, str | None, dict[str, Any]]]:
    return [(one.code, one.rule, dict(one.data)) for one in answer.reasons if one.stage in stages]


def test_protected_work_on_a_capable_mac_is_told_stage_by_stage(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], context_tokens=100)

    assert answer.reasons == (
        Reason(Stage.PRIVACY, "rule_matched", rule="nda-acme", data={"effect": "local_only", **WHY}),
        Reason(Stage.FEASIBILITY, "local_candidates", data={"count": 1}),
        Reason(Stage.FEASIBILITY, "cloud_not_permitted"),
        Reason(Stage.PREFERENCE, "task_prefers_cloud", data={"task": "multi-file-edit"}),
        Reason(Stage.SELECTION, "selected_only", data={"model": MODEL}),
        Reason(Stage.FALLBACK, "fallback_to_local"),
        Reason(Stage.OBLIGATIONS, "profile_hardened"),
    )
    remedy = Remedy("request_exception", command="kirikae request exception")
    assert answer.alternatives == (Alternative(Backend.CLOUD, None, "rule_matched", True, remedy),)
    assert Note("quality_loss_local", {"task": "multi-file-edit", "model": MODEL}) in answer.warnings
    assert (answer.context.task_tokens, answer.context.prefix_tokens, answer.context.total_tokens) == (100, 5200, 5300)


def test_open_work_that_prefers_the_cloud_names_the_model_it_passed_over(ask: Ask) -> None:
    answer = ask(policy_of(), projects=[OTHER], task="technical-docs", context_tokens=100)

    assert told(answer, Stage.FALLBACK) == [("preferred_backend", None, {"backend": "cloud"})]
    assert answer.alternatives == (Alternative(Backend.LOCAL, MODEL, "task_prefers_cloud", is_hard=False),)
    assert (answer.model, answer.runtime, answer.expected) == (None, None, None)
    assert (answer.context.limit_tokens, answer.context.limit_by) == (None, None)
    assert (answer.context.task_tokens, answer.context.prefix_tokens) == (100, 22122)


def test_open_work_that_prefers_a_local_model_offers_the_cloud(ask: Ask) -> None:
    answer = ask(policy_of(), projects=[OTHER], task="template-generation")

    assert told(answer, Stage.FALLBACK) == [("preferred_backend", None, {"backend": "local"})]
    assert answer.alternatives == (Alternative(Backend.CLOUD, None, "task_prefers_local", is_hard=False),)
    assert "quality_loss_local" not in [note.code for note in answer.warnings]


def test_local_preference_that_a_reservation_sends_to_the_cloud_says_which(ask: Ask) -> None:
    answer = ask(
        policy_of(), task="template-generation", projects=[OTHER], facts=facts_from(state={"on_battery": True})
    )

    assert told(answer, Stage.FALLBACK) == [("fallback_to_cloud", None, {})]
    assert answer.alternatives == (Alternative(Backend.LOCAL, MODEL, "on_battery", False, Remedy("plug_in")),)
    assert Note("allowance_spent", {"task": "template-generation"}) in answer.warnings


def test_cloud_preference_is_told_even_where_the_model_has_reservations(ask: Ask) -> None:
    answer = ask(policy_of(), task="technical-docs", projects=[OTHER], facts=facts_from(state={"on_battery": True}))

    assert answer.alternatives == (Alternative(Backend.LOCAL, MODEL, "task_prefers_cloud", is_hard=False),)


def test_models_that_were_not_chosen_are_named_with_what_decided(ask: Ask) -> None:
    models: list[dict[str, Any]] = [
        {"name": "b"},
        {"name": "a"},
        {"name": "c", "tools": None},
        {"name": "d", "remote": True},
    ]
    policy = policy_of(tasks=[{"id": "template-generation", "needs": ["tools"]}])

    answer = ask(policy, task="template-generation", projects=[OTHER], facts=facts_from(models=models))

    assert answer.model is not None
    assert answer.model.name == "a"
    locals_ = [(one.model, one.blocked_by, one.is_hard) for one in answer.alternatives if one.backend is Backend.LOCAL]
    assert locals_ == [("d", "model_remote", True), ("b", "selected_name", False), ("c", "tools_unknown", False)]
    assert ("local_candidates", None, {"count": 3}) in told(answer, Stage.FEASIBILITY)


def test_unknown_machine_is_told_with_the_way_to_enrol(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], facts=None)

    remedy = Remedy("enrol_machine", command="kirikae enrol")
    assert answer.alternatives[0] == Alternative(Backend.LOCAL, None, "machine_unknown", True, remedy)
    assert told(answer, Stage.FEASIBILITY) == [("machine_unknown", None, {}), ("cloud_not_permitted", None, {})]
    assert told(answer, Stage.FALLBACK) == [("nothing_permitted", None, {})]
    assert (answer.backend, answer.refusal, answer.launch) == (Backend.NONE, "no_local_backend", None)
    assert (answer.context.limit_by, answer.context.prefix_tokens) == ("org", 5200)


def test_blocked_work_is_told_as_permitted_nowhere(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE | {"effect": "block"}]), projects=[ACME])

    assert told(answer, Stage.FEASIBILITY) == [("local_not_permitted", None, {}), ("cloud_not_permitted", None, {})]
    assert answer.refusal == "blocked_by_rule"


def test_unclassified_work_is_told_to_ask_for_a_class(ask: Ask) -> None:
    answer = ask(policy_of(unclassified=CLOSED), projects=[OTHER])

    remedy = Remedy("request_classification", command="kirikae request classify")
    assert answer.alternatives == (Alternative(Backend.CLOUD, None, "unclassified_identified", True, remedy),)


def test_offline_work_is_told_to_ask_again_online(ask: Ask) -> None:
    answer = ask(policy_of(), projects=[OTHER], offline=True)

    assert answer.alternatives == (Alternative(Backend.CLOUD, None, "offline_requested", True, Remedy("go_online")),)
    assert ("offline_requested", None, {"task": "multi-file-edit"}) in told(answer, Stage.FEASIBILITY)


def test_broken_runtime_is_told_with_its_cause(ask: Ask) -> None:
    facts = facts_from(runtime={"state": "broken", "reason": "timeout"})

    answer = ask(policy_of(), projects=[OTHER], facts=facts)

    wanted = ("runtime_broken", None, {"runtime": "llama.cpp", "why": "timeout"})
    assert wanted in told(answer, Stage.FEASIBILITY)
    assert (Backend.LOCAL, None, "runtime_broken", True) in [one[:4] for one in answer.alternatives]


def test_model_that_may_not_be_taken_is_told_with_what_removes_it(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], facts=facts_from(models=[{"remote": True}]))

    removed = ("model_remote", None, {"model": MODEL, "runtime": "llama.cpp"})
    assert told(answer, Stage.FEASIBILITY) == [removed, ("cloud_not_permitted", None, {})]


def test_floor_of_a_task_is_told_with_its_effect(ask: Ask) -> None:
    answer = ask(policy_of(), task="confidential-code", projects=[OURS])

    floor = ("task_floor", None, {"task": "confidential-code", "effect": "local_only"})
    assert told(answer, Stage.PRIVACY)[0] == floor


def test_floor_of_a_session_is_told_with_its_effect(ask: Ask) -> None:
    answer = ask(policy_of(), projects=[OURS], session={"floor": "org_only"})

    assert told(answer, Stage.PRIVACY)[0] == ("session_floor", None, {"effect": "org_only"})


def test_exception_is_told_with_the_rule_that_it_replaces(ask: Ask) -> None:
    exception = {
        "id": "sdk", "rule": "nda-acme", "effect": "cloud_ok", "expires": "2026-12-31",
        "match": {"remotes": ["github.com/acme/**"]},
    }  # fmt: skip

    answer = ask(policy_of(privacy_rules=[NDA_RULE], exceptions=[exception]), projects=[ACME])

    assert answer.privacy.classification == "open"
    assert told(answer, Stage.PRIVACY)[0] == (
        "exception_applied", "nda-acme", {"effect": "cloud_ok", "exception": "sdk"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("projects", "classification"),
    [
        ([ACME, OURS], "nda"),
        ([OURS, OTHER], "unclassified"),
        ([OURS], "open"),
        ([TEAM, ACME], "nda"),
        ([TEAM], "internal"),
    ],
)
def test_strictest_class_of_all_projects_is_told(
    ask: Ask, projects: list[dict[str, list[str]]], classification: str
) -> None:
    team = {"id": "team", "effect": "org_only", "match": {"remotes": ["bitbucket.org/team/**"]}}

    answer = ask(policy_of(privacy_rules=[NDA_RULE, OPEN_RULE, team]), projects=projects)

    assert answer.privacy.classification == classification


def test_overdue_rule_is_told_with_its_day(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE | {"review_by": "2026-11-24"}]), projects=[ACME])

    assert answer.warnings[0] == Note("rule_overdue", {"rule": "nda-acme", "day": "2026-11-24"})


def test_retired_task_and_unproven_client_are_warned_of(ask: Ask) -> None:
    policy = policy_of(privacy_rules=[NDA_RULE], tasks=[{"id": "bulk-transform", "retired": True}])

    answer = ask(policy, task="bulk-transform", projects=[ACME], client="aider")

    assert Note("task_retired", {"task": "bulk-transform"}) in answer.warnings
    assert Note("client_unproven", {"client": "aider"}) in answer.warnings


@pytest.mark.parametrize(("client", "is_warned"), [("claude", False), (None, True)])
def test_client_without_a_known_prompt_is_warned_of(ask: Ask, client: str | None, is_warned: bool) -> None:
    answer = ask(policy_of(), projects=[OTHER], client=client)

    assert ("client_unknown" in [note.code for note in answer.warnings]) is is_warned


@pytest.mark.parametrize(("agents", "is_warned"), [(None, False), (1, False), (2, True), (7, True)])
def test_protected_work_is_planned_with_one_agent_and_says_so(ask: Ask, agents: int | None, is_warned: bool) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], parallel_agents=agents)

    warned = [note.data for note in answer.warnings if note.code == "parallel_agents_reduced"]
    assert warned == ([{"asked": agents}] if is_warned else [])


def test_asked_agents_count_before_the_tasks_own(ask: Ask) -> None:
    policy = policy_of(privacy_rules=[NDA_RULE])

    own = ask(policy, task="agent-team", projects=[ACME])
    one = ask(policy, task="agent-team", projects=[ACME], parallel_agents=1)

    assert "parallel_agents_reduced" in [note.code for note in own.warnings]
    assert "parallel_agents_reduced" not in [note.code for note in one.warnings]


def test_restricting_rule_of_the_same_organisation_is_a_near_miss(ask: Ask) -> None:
    rule = {"id": "tool", "effect": "local_only", "match": {"remotes": ["github.com/acme/tool", "gitlab.com/x/y"]}}

    answer = ask(policy_of(privacy_rules=[rule]), projects=[ACME])

    assert answer.near_misses == (NearMiss("tool", "remotes", "github.com/acme/tool", "github.com/acme/app"),)


@pytest.mark.parametrize(("name", "told_name"), [({"en": "Falcon", "ja": "鷹"}, "Falcon"), ({}, "confidential")])
def test_near_miss_of_a_confidential_rule_says_what_the_project_has_and_not_what_it_wants(
    ask: Ask, name: dict[str, str], told_name: str
) -> None:
    rule = NDA_RULE | {"match": {"remotes": ["github.com/acme/secret-*"]}, "confidential": True, "name": name}

    answer = ask(policy_of(privacy_rules=[rule]), projects=[ACME])

    assert answer.near_misses == (NearMiss(told_name, "remotes", "confidential", "github.com/acme/app"),)


def test_no_more_near_misses_are_told_than_anybody_reads(ask: Ask) -> None:
    rules = [
        {"id": f"tool-{number}", "effect": "local_only", "match": {"remotes": [f"github.com/acme/tool-{number}"]}}
        for number in range(MAX_NEAR_MISSES + 2)
    ]

    assert len(ask(policy_of(privacy_rules=rules), projects=[ACME]).near_misses) == MAX_NEAR_MISSES


def test_open_rule_misses_for_one_reason_at_a_time(ask: Ask) -> None:
    rule = OPEN_RULE | {"match": {"remotes": ["github.com/hoshizora/**", "gitlab.com/hoshizora/**"]}}
    policy = policy_of(unclassified=CLOSED, privacy_rules=[rule])
    remotes = [*OURS["remotes"], *OTHER["remotes"]]

    half = ask(policy, projects=[{"remotes": remotes}])
    partial = ask(policy, projects=[OURS | {"complete": False}])
    ended = ask(policy_of(unclassified=CLOSED, privacy_rules=[rule | {"expires": "2026-11-24"}]), projects=[OURS])

    wanted = "github.com/hoshizora/**, gitlab.com/hoshizora/**"
    assert half.near_misses == (NearMiss("ours", "remotes", wanted, "gitlab.com/someone/else"),)
    assert partial.near_misses == (NearMiss("ours", "identified", "true", "false"),)
    assert ended.near_misses == (NearMiss("ours", "expires", "2026-11-24", "2026-11-25"),)


def test_open_rules_that_cover_a_project_together_are_no_near_misses(ask: Ask) -> None:
    other = {"id": "other", "effect": "cloud_ok", "match": {"remotes": ["gitlab.com/**"]}}
    policy = policy_of(unclassified=CLOSED, privacy_rules=[OPEN_RULE, other])

    answer = ask(policy, projects=[{"remotes": [*OURS["remotes"], *OTHER["remotes"]]}])

    assert (answer.privacy.rules, answer.near_misses) == (("ours", "other"), ())


def test_team_rule_that_covers_half_a_project_is_no_near_miss(ask: Ask) -> None:
    half = OPEN_RULE | {"effect": "org_only"}

    answer = ask(
        policy_of(unclassified=CLOSED, privacy_rules=[half]),
        projects=[{"remotes": [*OURS["remotes"], *OTHER["remotes"]]}],
    )

    assert answer.near_misses == ()


def findings(policy_sections: dict[str, Any], *, is_understood: bool = True) -> tuple[Finding, ...]:
    policy = policy_of(**policy_sections)
    rules = tuple(rule._replace(can_be_evaluated=is_understood) for rule in policy.privacy_rules)
    url = ACME["remotes"][0]
    signals = read_signals(Project(remotes=(Remote(raw=url, url=url),)))
    prepared = PrivacyRules.of(policy._replace(privacy_rules=rules))
    return prepared.judge(signals, now=NOW, machine=None, is_expired=False).findings


def test_finding_names_the_rule_that_is_not_understood() -> None:
    (found, *_others) = findings({"privacy_rules": [NDA_RULE | {"effect": "block"}]}, is_understood=False)

    assert (found.code, found.effect, found.rule and found.rule.id) == (
        "rule_not_understood", Effect.LOCAL_ONLY, "nda-acme",
    )  # fmt: skip


def test_finding_of_an_exception_names_the_rule_and_the_exception() -> None:
    exception = {
        "id": "app", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/app"]}, "effect": "cloud_ok",
        "expires": "2026-12-31",
    }  # fmt: skip

    found = findings({"privacy_rules": [NDA_RULE], "exceptions": [exception]})

    assert [(one.code, one.rule and one.rule.id, one.exception and one.exception.expires) for one in found] == [
        ("exception_applied", "nda-acme", date(2026, 12, 31)),
        ("exception_applied", None, date(2026, 12, 31)),
    ]


def test_reasons_come_in_the_order_of_the_stages(ask: Ask) -> None:
    order = list(Stage)

    anonymous: dict[str, Any] = {}
    for project in (ACME, OURS, OTHER, anonymous):
        answer = ask(policy_of(privacy_rules=[NDA_RULE, OPEN_RULE]), projects=[project])
        places = [order.index(reason.stage) for reason in answer.reasons]
        assert places == sorted(places)


def test_answer_names_task_machine_model_and_runtime_as_they_were_reported(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], machine="m_asked")

    assert (answer.task, answer.is_task_assumed, answer.machine) == ("multi-file-edit", False, "m_0000000000000000")
    assert answer.model == (MODEL, "Q4_K_M", "gguf", "basic")
    assert answer.runtime == ("llama_cpp", "b10434", "http://127.0.0.1:8080")
    assert (answer.context.limit_tokens, answer.revision, answer.engine) == (32768, 1, ENGINE_VERSION)


def test_refusal_and_cloud_count_the_prompt_of_the_client_that_asks(ask: Ask) -> None:
    client = {"name": "claude", "mode": "print"}

    refused = ask(policy_of(), task="offline-work", projects=[OTHER], client=client, facts=None, machine="m_asked")
    cloud = ask(policy_of(), task="technical-docs", projects=[OTHER], client=client)

    assert (refused.machine, refused.context.limit_tokens, refused.context.limit_by) == ("m_asked", 32768, "org")
    assert cloud.context.prefix_tokens == 19_233


def test_refusal_counts_the_smallest_prompt_of_the_client_that_asks() -> None:
    rows = (
        PrefixRow(ClientName.CLAUDE, ClientMode.TUI, 90, 9, 19),
        PrefixRow(ClientName.AIDER, ClientMode.TUI, 50, 5, 15),
    )
    bundle = unpacked_bundle(policy_of())._replace(prefixes=ClientPrefixes(rows))
    asked = TaskRequest("offline-work", client=Client(ClientName.AIDER))

    answer = decide(asked, bundle=bundle, facts=None, situation=Situation(now=NOW))

    assert (answer.backend, answer.context.prefix_tokens) == (Backend.NONE, 15)


def test_near_misses_of_each_project_are_told(ask: Ask) -> None:
    patterns = ["github.com/acme/tool", "gitlab.com/acme/tool"]
    rule = {"id": "tool", "effect": "local_only", "match": {"remotes": patterns}}
    projects = [{"remotes": [f"https://{host}/acme/app"]} for host in ("github.com", "gitlab.com")]

    answer = ask(policy_of(privacy_rules=[rule]), projects=projects)

    assert [miss.got for miss in answer.near_misses] == ["github.com/acme/app", "gitlab.com/acme/app"]


def test_model_that_is_loaded_takes_no_time_to_load(ask: Ask) -> None:
    policy = policy_of(privacy_rules=[NDA_RULE])
    macs = [facts_from(models=[{"loaded": loaded}]) for loaded in (True, False)]

    told = [ask(policy, projects=[ACME], facts=facts).expected for facts in macs]

    assert [expected is not None and expected.load_s == (0.0, 0.0) for expected in told] == [True, False]


def test_memory_that_is_missing_is_told_as_what_to_free(ask: Ask) -> None:
    hardware = {"platform": "darwin", "memory_bytes": 64 * 2**30, "gpu_limit_bytes": 18_000_000_000}
    facts = facts_from(models=[{"loaded": False}], hardware=hardware)

    answer = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], facts=facts)

    (remedy,) = [one.remedy for one in answer.alternatives if one.blocked_by == "memory_too_small"]
    assert remedy is not None
    assert int(str(remedy.data["missing_bytes"])) >= 600_000_000


def test_client_without_measured_prompts_is_planned_with_the_largest(ask: Ask) -> None:
    assert ask(policy_of(), projects=[OURS], client="goose").context.prefix_tokens == 22122
