"""The decision, stage by stage."""

import pytest

from routing.engine.answer import Answer, Backend
from routing.engine.errors import WireError
from tests.engine.conftest import ACME, NDA_RULE, OPEN_RULE, OTHER, OURS, Ask, facts_from, policy_of


def codes(answer: Answer) -> list[str]:
    return [reason.code for reason in answer.reasons]


def warnings(answer: Answer) -> list[str]:
    return [note.code for note in answer.warnings]


def test_nda_project_stays_local_for_a_task_that_prefers_the_cloud(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE]), task="architecture-design", projects=[ACME])

    assert answer.backend is Backend.LOCAL
    assert answer.privacy.rules == ("nda-acme",)
    assert answer.privacy.classification == "nda"
    assert "quality_loss_local" in warnings(answer)
    assert answer.launch is not None
    assert answer.launch.profile == "hardened"


def test_nda_project_is_refused_when_no_local_model_can_do_it(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], facts=facts_from(runtimes=[]))

    assert answer.backend is Backend.NONE
    assert answer.refusal == "no_local_backend"
    assert answer.launch is None
    remedies = [one.remedy.code for one in answer.alternatives if one.remedy]
    assert remedies == ["install_runtime", "request_exception"]


def test_blocked_project_has_no_backend_at_all(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE | {"effect": "block"}]), projects=[ACME])

    assert (answer.backend, answer.refusal) == (Backend.NONE, "blocked_by_rule")


def test_the_strictest_of_several_projects_decides(ask: Ask) -> None:
    policy = policy_of(privacy_rules=[NDA_RULE, OPEN_RULE])

    answer = ask(policy, projects=[OURS, {**ACME, "role": "add_dir"}])

    assert answer.backend is Backend.LOCAL
    assert answer.privacy.effect == "local_only"


def test_identified_project_goes_to_the_cloud_by_the_shipped_default(ask: Ask) -> None:
    answer = ask(policy_of(), projects=[OTHER])

    assert answer.backend is Backend.CLOUD
    assert "unclassified_identified" in codes(answer)
    assert answer.model is None
    assert answer.expected is None


def test_project_without_remotes_stays_local_by_the_shipped_default(ask: Ask) -> None:
    answer = ask(policy_of())

    assert answer.backend is Backend.LOCAL
    assert "unclassified_anonymous" in codes(answer)


def test_opened_project_may_use_the_cloud_where_unclassified_ones_may_not(ask: Ask) -> None:
    closed = {"identified": "local_only", "anonymous": "local_only"}
    policy = policy_of(privacy_rules=[OPEN_RULE], unclassified=closed)

    assert ask(policy, projects=[OURS]).backend is Backend.CLOUD
    assert ask(policy, projects=[OTHER]).backend is Backend.LOCAL


def test_one_foreign_remote_keeps_an_open_project_closed_and_is_named(ask: Ask) -> None:
    policy = policy_of(privacy_rules=[OPEN_RULE], unclassified={"identified": "local_only", "anonymous": "local_only"})
    mixed = {"remotes": [*OURS["remotes"], *OTHER["remotes"]]}

    answer = ask(policy, projects=[mixed])

    assert answer.backend is Backend.LOCAL
    assert [(miss.rule, miss.got) for miss in answer.near_misses] == [("ours", "gitlab.com/someone/else")]


def test_exception_opens_exactly_the_repository_it_names(ask: Ask) -> None:
    exception = {
        "id": "sdk", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/public-sdk"]},
        "effect": "cloud_ok", "expires": "2026-12-31",
    }  # fmt: skip
    policy = policy_of(privacy_rules=[NDA_RULE], exceptions=[exception])

    sdk = ask(policy, projects=[{"remotes": ["https://github.com/acme/public-sdk"]}])
    app = ask(policy, projects=[ACME])

    assert (sdk.backend, sdk.privacy.exceptions) == (Backend.CLOUD, ("sdk",))
    assert app.backend is Backend.LOCAL


def test_exception_ends_with_its_last_day_in_the_organisations_zone(ask: Ask) -> None:
    exception = {
        "id": "sdk", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/app"]},
        "effect": "cloud_ok", "expires": "2026-11-25",
    }  # fmt: skip
    rules = {"privacy_rules": [NDA_RULE], "exceptions": [exception]}

    assert ask(policy_of(**rules), projects=[ACME]).backend is Backend.CLOUD
    # 09:30 UTC on the 25th is the 26th on Kiritimati.
    zone = {"organisation": {"time_zone": "Pacific/Kiritimati"}}
    assert ask(policy_of(**rules, **zone), projects=[ACME]).backend is Backend.CLOUD
    exception["expires"] = "2026-11-24"
    assert ask(policy_of(**rules, **zone), projects=[ACME]).backend is Backend.LOCAL


def test_exception_never_touches_the_floor_of_a_task(ask: Ask) -> None:
    exception = {
        "id": "sdk", "rule": "nda-acme", "match": {"remotes": ["github.com/acme/app"]},
        "effect": "cloud_ok", "expires": "2026-12-31",
    }  # fmt: skip
    policy = policy_of(privacy_rules=[NDA_RULE], exceptions=[exception])

    answer = ask(policy, task="confidential-code", projects=[ACME])

    assert answer.backend is Backend.LOCAL
    assert answer.privacy.floor == "local_only"


def test_protected_session_stays_protected_in_an_open_project(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[OPEN_RULE]), projects=[OURS], session={"id": "s", "floor": "local_only"})

    assert answer.backend is Backend.LOCAL
    assert "session_floor" in codes(answer)


def test_expired_policy_opens_only_what_a_rule_opens(ask: Ask) -> None:
    policy = policy_of(privacy_rules=[OPEN_RULE])

    assert ask(policy, projects=[OTHER], policy_state="expired").backend is Backend.LOCAL
    assert ask(policy, projects=[OURS], policy_state="expired").backend is Backend.CLOUD


def test_review_date_in_the_past_warns_and_stays_in_force(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE | {"review_by": "2026-01-31"}]), projects=[ACME])

    assert answer.backend is Backend.LOCAL
    assert "rule_overdue" in warnings(answer)


@pytest.mark.parametrize("task", ["offline-work", "multi-file-edit"])
def test_offline_work_never_goes_to_the_cloud(ask: Ask, task: str) -> None:
    answer = ask(policy_of(), task=task, projects=[OTHER], offline=True)

    assert answer.backend is Backend.LOCAL


def test_offline_without_a_local_model_is_refused(ask: Ask) -> None:
    answer = ask(policy_of(), task="offline-work", projects=[OTHER], facts=facts_from(runtimes=[]))

    assert answer.refusal == "no_backend_available"


@pytest.mark.parametrize(
    ("model", "runtime", "code"),
    [
        ({"remote": True}, {}, "model_remote"),
        ({"remote": None}, {}, "model_origin_unknown"),
        ({}, {"kind": "openai_compatible"}, "model_origin_unknown"),
        ({}, {"base_url": "http://192.168.1.9:8080"}, "runtime_not_on_this_machine"),
        ({}, {"base_url": "http://127.0.0.1.evil.example:8080"}, "runtime_not_on_this_machine"),
        ({}, {"messages_api": False}, "runtime_lacks_messages_api"),
        ({"loaded": False, "size_bytes": 60_000_000_000}, {}, "memory_too_small"),
        ({"effective_context_tokens": 4096}, {}, "context_over_runtime"),
        ({"max_context_tokens": 4096}, {}, "context_over_model"),
        ({"tools": False}, {}, "need_missing"),
    ],
)
def test_hard_limit_removes_the_model_and_says_why(
    ask: Ask, model: dict[str, object], runtime: dict[str, object], code: str
) -> None:
    answer = ask(
        policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], facts=facts_from(models=[model], runtime=runtime)
    )

    assert answer.backend is Backend.NONE
    assert code in codes(answer)
    assert code in [one.blocked_by for one in answer.alternatives]


@pytest.mark.parametrize("state", ["down", "loading", "broken"])
def test_runtime_that_is_not_up_is_no_candidate(ask: Ask, state: str) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], facts=facts_from(runtime={"state": state}))

    assert answer.backend is Backend.NONE
    assert f"runtime_{state}" in codes(answer)


def test_unknown_machine_has_no_local_candidate(ask: Ask) -> None:
    protected = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], facts=None)
    open_one = ask(policy_of(), projects=[OTHER], facts=None)

    assert protected.backend is Backend.NONE
    assert open_one.backend is Backend.CLOUD
    assert "machine_unknown" in warnings(protected)


def test_either_goes_local_with_the_slim_prompt_when_the_full_one_would_take_too_long(ask: Ask) -> None:
    answer = ask(policy_of(), task="commit-message", projects=[OTHER])

    assert answer.backend is Backend.LOCAL
    assert answer.context.prefix_tokens == 4027
    assert "either_local" in codes(answer)


def test_either_goes_to_the_cloud_when_the_local_answer_starts_too_late(ask: Ask) -> None:
    answer = ask(policy_of(), task="commit-message", projects=[OTHER], deadline_s=5)

    assert answer.backend is Backend.CLOUD
    assert "either_cloud_soft_limits" in codes(answer)
    assert "either_cloud_slow" in codes(ask(policy_of(), task="commit-message", projects=[OTHER], context_tokens=20000))


def test_either_goes_to_the_cloud_unless_the_task_saves_the_allowance(ask: Ask) -> None:
    policy = policy_of(tasks=[{"id": "commit-message", "axes": {"cost": "medium"}}])

    answer = ask(policy, task="commit-message", projects=[OTHER])

    assert answer.backend is Backend.CLOUD
    assert "either_cloud_no_pressure" in codes(answer)


def test_either_goes_to_the_cloud_when_speed_was_never_measured(ask: Ask) -> None:
    answer = ask(policy_of(), task="commit-message", projects=[OTHER], facts=unmeasured())

    assert "either_cloud_speed_unknown" in codes(answer)


def test_local_preference_accepts_unknown_speed(ask: Ask) -> None:
    answer = ask(policy_of(), task="code-completion", projects=[OTHER], facts=unmeasured())

    assert answer.backend is Backend.LOCAL


def test_local_preference_falls_back_to_the_cloud_and_says_what_it_costs(ask: Ask) -> None:
    answer = ask(policy_of(), task="code-completion", projects=[OTHER], facts=facts_from(runtimes=[]))

    assert answer.backend is Backend.CLOUD
    assert "allowance_spent" in warnings(answer)


def test_soft_limit_gives_way_only_where_the_cloud_is_permitted(ask: Ask) -> None:
    facts = facts_from(state={"on_battery": True})

    open_one = ask(policy_of(), task="code-completion", projects=[OTHER], facts=facts)
    protected = ask(policy_of(privacy_rules=[NDA_RULE]), task="code-completion", projects=[ACME], facts=facts)

    assert open_one.backend is Backend.CLOUD
    assert protected.backend is Backend.LOCAL
    assert "on_battery" in warnings(protected)


def test_first_override_whose_condition_holds_decides(ask: Ask) -> None:
    overrides = [
        {"id": "never", "when": {"groups": ["x"]}, "prefer": "local"},
        {"id": "stay", "when": {"tasks": ["multi-file-edit"], "context_over_tokens": 1000}, "prefer": "local"},
        {"id": "go", "when": {"tasks": ["multi-file-edit"]}, "prefer": "cloud"},
    ]

    answer = ask(policy_of(overrides=overrides), projects=[OTHER], context_tokens=2000)

    assert answer.backend is Backend.CLOUD
    assert "override_applied" in codes(answer)
    assert "quality_below_minimum" in [one.blocked_by for one in answer.alternatives]
    assert [(miss.rule, miss.key) for miss in answer.near_misses] == [("never", "groups")]


def test_slim_profile_is_used_when_the_full_prompt_does_not_fit(ask: Ask) -> None:
    facts = facts_from(models=[{"effective_context_tokens": 16384}])

    answer = ask(policy_of(), task="code-completion", projects=[OTHER], facts=facts)

    assert answer.context.prefix_tokens == 4027
    assert answer.context.limit_by == "runtime"
    assert "slim_tools" in [one.code for one in answer.obligations]


def test_loaded_model_wins_over_a_faster_name(ask: Ask) -> None:
    facts = facts_from(models=[{"name": "a-model", "loaded": False}, {"name": "b-model"}])

    answer = ask(policy_of(), task="code-completion", projects=[OTHER], facts=facts)

    assert answer.model is not None
    assert answer.model.name == "b-model"
    assert "selected_loaded" in codes(answer)


def test_cloud_session_may_not_read_protected_folders(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[OTHER])

    denied = {one.code: one.value for one in answer.obligations}
    assert denied["deny_read_paths"] == ("~/work/acme/**",)


def test_protected_team_is_planned_with_one_agent(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE]), task="agent-team", projects=[ACME])

    assert answer.backend is Backend.LOCAL
    assert {one.code: one.value for one in answer.obligations}["parallel_agents_max"] == 1
    assert "parallel_agents_reduced" in warnings(answer)


def test_unknown_task_names_the_known_ones(ask: Ask) -> None:
    with pytest.raises(WireError) as raised:
        ask(policy_of(), task="write-poem")

    assert (raised.value.code, raised.value.field) == ("task.unknown", "task")
    assert "known: architecture-design, " in raised.value.detail
    assert "commit-message" in raised.value.detail


def unmeasured() -> object:
    return facts_from()._replace(benchmarks=())


def test_base_is_told_beside_a_rule_only_where_it_is_stricter(ask: Ask) -> None:
    closed = {"identified": "local_only", "anonymous": "block"}
    policy = policy_of(privacy_rules=[NDA_RULE], unclassified=closed)

    named = ask(policy, projects=[ACME])
    marked = ask(policy, projects=[{"remotes": [], "markers": ["acme"]}])

    assert [code for code in codes(named) if code.startswith("unclassified")] == []
    assert "unclassified_anonymous" in codes(marked)
    assert marked.privacy.effect == "block"


def test_exception_opens_nothing_that_its_rule_does_not_match(ask: Ask) -> None:
    exception = {
        "id": "stray", "rule": "nda-acme", "match": {"remotes": ["gitlab.com/someone/**"]},
        "effect": "cloud_ok", "expires": "2026-12-31",
    }  # fmt: skip
    closed = {"identified": "local_only", "anonymous": "local_only"}

    answer = ask(policy_of(privacy_rules=[NDA_RULE], exceptions=[exception], unclassified=closed), projects=[OTHER])

    assert answer.backend is Backend.LOCAL
    assert answer.privacy.exceptions == ()


def test_floor_of_the_session_counts_beside_the_floor_of_the_task(ask: Ask) -> None:
    answer = ask(policy_of(), task="confidential-code", projects=[OTHER], session={"floor": "block"})

    assert answer.backend is Backend.NONE


def test_stale_policy_still_opens_what_it_opens(ask: Ask) -> None:
    assert ask(policy_of(), projects=[OTHER], policy_state="stale").backend is Backend.CLOUD


def test_what_closes_the_cloud_is_named_by_its_cause(ask: Ask) -> None:
    blockers = [
        next(one.blocked_by for one in answer.alternatives if one.backend is Backend.CLOUD)
        for answer in (
            ask(policy_of(), task="confidential-code", projects=[OTHER]),
            ask(policy_of(), projects=[OTHER], session={"floor": "local_only"}),
        )
    ]

    assert blockers == ["task_floor", "session_floor"]


def test_strictest_classification_of_several_projects_is_told(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE, OPEN_RULE]), projects=[OURS, ACME])

    assert answer.privacy.classification == "nda"


def test_open_work_keeps_its_parallel_agents(ask: Ask) -> None:
    answer = ask(policy_of(), task="agent-team", projects=[OTHER])

    assert "parallel_agents_reduced" not in warnings(answer)


def test_work_for_the_team_alone_is_protected(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE | {"effect": "org_only"}]), projects=[ACME])

    assert answer.launch is not None
    assert answer.launch.profile == "hardened"


def test_need_of_the_request_counts_beside_those_of_the_task(ask: Ask) -> None:
    facts = facts_from(models=[{"vision": False}])

    answer = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], needs=["vision"], facts=facts)

    assert answer.backend is Backend.NONE


def test_matched_rule_is_no_near_miss_of_itself(ask: Ask) -> None:
    assert ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME]).near_misses == ()


def test_full_prompt_is_used_where_it_fits_with_a_gigabyte_to_spare(ask: Ask) -> None:
    axes = {"reasoning": "low", "privacy": "low", "latency": "high", "cost": "high"}
    policy = policy_of(tasks=[{"id": "simple-docs", "axes": axes}])
    shape = {"layers": 48, "kv_heads": 4, "head_dim": 128, "hidden_size": 2048, "parameters": 30 * 10**9}

    def prefix_and_limit(gpu_limit_bytes: int) -> tuple[int, int | None]:
        hardware = {"platform": "darwin", "memory_bytes": 64 * 2**30, "gpu_limit_bytes": gpu_limit_bytes}
        facts = facts_from(models=[{"loaded": False, "geometry": shape}], hardware=hardware)
        context = ask(policy, task="simple-docs", projects=[OURS], facts=facts).context
        return context.prefix_tokens, context.limit_tokens

    # A gigabyte holds some 10,000 tokens. It is not spared where the slim prompt needs it too.
    assert prefix_and_limit(22_400_000_000) == (22122, 24089)
    assert prefix_and_limit(22_000_000_000) == (4027, 20020)
    assert prefix_and_limit(20_000_000_000) == (4027, 9847)
