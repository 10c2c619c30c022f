"""The launch recipes: a protected client reaches this machine only, a cloud client stays out of protected folders."""

from fnmatch import fnmatchcase

import pytest

from routing.engine.answer import Launch
from tests.engine.conftest import ACME, NDA_RULE, OTHER, Ask, facts_from, policy_of


def launch_of(ask: Ask, **request: object) -> Launch:
    launch = ask(policy_of(privacy_rules=[NDA_RULE]), **request).launch
    assert launch is not None
    return launch


@pytest.mark.parametrize("client", ["claude", "aider", "goose", "codex", "other", None])
def test_protected_client_is_told_of_no_other_address_than_this_machine(ask: Ask, client: str | None) -> None:
    launch = launch_of(ask, projects=[ACME], client=client)

    addresses = {value for value in launch.env.values() if "://" in value}
    assert addresses == {"http://127.0.0.1:8080", "http://127.0.0.1:8080/v1", "http://127.0.0.1:9"}
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        assert launch.env[name] == "http://127.0.0.1:9"
    assert launch.env["NO_PROXY"] == launch.env["no_proxy"] == "127.0.0.1,localhost,::1"


@pytest.mark.parametrize(
    "name",
    [
        "ANTHROPIC_API_KEY", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_BEDROCK_BASE_URL", "ANTHROPIC_FOUNDRY_RESOURCE",
        "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_ENABLE_TELEMETRY",
        "CLAUDE_CONFIG_DIR", "AWS_PROFILE", "GOOGLE_APPLICATION_CREDENTIALS", "VERTEX_REGION_CLAUDE", "CLOUD_ML_REGION",
        "AZURE_API_BASE", "OPENAI_API_BASE", "OPENAI_ORGANIZATION", "OLLAMA_HOST", "AIDER_MODEL", "GOOSE_PROVIDER",
        "CODEX_HOME", "OTEL_EXPORTER_OTLP_ENDPOINT", "ALL_PROXY", "ftp_proxy", "no_proxy", "API_TIMEOUT_MS",
        "CLAUDE_JOB_DIR", "CLAUDECODE", "SESSION_INGRESS_URL", "BETA_TRACING_ENDPOINT", "MCP_CLIENT_SECRET",
        "ENABLE_ENHANCED_TELEMETRY_BETA", "NODE_OPTIONS", "LD_PRELOAD", "LITELLM_PROXY_API_BASE",
    ],
)  # fmt: skip
def test_nothing_inherited_steers_a_protected_client(ask: Ask, name: str) -> None:
    assert any(fnmatchcase(name, one) for one in launch_of(ask, projects=[ACME]).unset)


def test_protected_claude_has_the_whole_recipe(ask: Ask) -> None:
    launch = launch_of(ask, projects=[ACME])

    model = "qwen3-coder:30b"
    assert launch.args == (
        "--setting-sources", "user", "--strict-mcp-config", "--disallowedTools", "WebFetch,WebSearch",
        "--tools", "Bash,Read,Edit,Write,Glob,Grep", "--model", model,
    )  # fmt: skip
    assert {name for name, value in launch.env.items() if value == model} == {
        "ANTHROPIC_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL", "ANTHROPIC_DEFAULT_SONNET_MODEL",
        "ANTHROPIC_DEFAULT_OPUS_MODEL", "ANTHROPIC_DEFAULT_FABLE_MODEL", "ANTHROPIC_SMALL_FAST_MODEL",
        "CLAUDE_CODE_SUBAGENT_MODEL",
    }  # fmt: skip
    assert {name for name, value in launch.env.items() if value == "1"} == {
        "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL", "CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST",
        "CLAUDE_CODE_SKIP_PROMPT_HISTORY", "DISABLE_ERROR_REPORTING", "DISABLE_FEEDBACK_COMMAND", "DISABLE_TELEMETRY",
        "CLAUDE_CODE_DISABLE_AGENT_VIEW",
        "CLAUDE_CODE_DISABLE_AUTO_MEMORY", "CLAUDE_CODE_DISABLE_CRON", "CLAUDE_CODE_IDE_SKIP_AUTO_INSTALL",
        "DISABLE_AUTOUPDATER", "DISABLE_BUG_COMMAND",
    }  # fmt: skip
    assert launch.env["CLAUDE_CONFIG_DIR"] == "{kirikae_home}/clients/claude-nda"
    assert launch.env["ENABLE_CLAUDEAI_MCP_SERVERS"] == "false"
    assert launch.env["ANTHROPIC_AUTH_TOKEN"] == launch.env["OPENAI_API_KEY"] == "local"
    assert launch.env["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "32768"
    assert launch.env["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] == "8192"


def test_aider_is_told_each_of_its_models_and_to_fetch_nothing(ask: Ask) -> None:
    args = launch_of(ask, task="code-completion", projects=[OTHER], client="aider").args

    pairs = dict(zip(args[::2], args[1::2], strict=False))
    assert {pairs[name] for name in ("--model", "--weak-model", "--editor-model")} == {"openai/qwen3-coder:30b"}
    assert {"--analytics-disable", "--no-check-update"} <= set(args)


def test_each_classification_has_a_config_folder_of_its_own(ask: Ask) -> None:
    folders = {
        launch_of(ask, projects=[project], task="confidential-code").env["CLAUDE_CONFIG_DIR"]
        for project in (ACME, OTHER)
    }

    assert len(folders) == 2


def test_protected_obligations_are_complete(ask: Ask) -> None:
    answer = ask(policy_of(privacy_rules=[NDA_RULE]), projects=[ACME])

    assert {one.code: one.value for one in answer.obligations} == {
        "loopback_only": True, "separate_config_dir": True, "no_history": True, "no_web_tools": True, "no_mcp": True,
        "slim_tools": True, "context_cap": 32768, "output_cap": 8192, "parallel_agents_max": 1, "no_agent_teams": True,
        "send_receipt": True,
    }  # fmt: skip


def test_local_client_on_open_code_keeps_its_settings_but_no_other_provider(ask: Ask) -> None:
    launch = launch_of(ask, task="code-completion", projects=[OTHER])

    assert launch.profile == "slim"
    assert "CLAUDE_CONFIG_DIR" not in launch.env
    assert any(fnmatchcase("CLAUDE_CODE_USE_BEDROCK", one) for one in launch.unset)


@pytest.mark.parametrize(
    ("pattern", "denied"),
    [
        ("~/work/acme/**", "~/work/acme/**"),
        ("~/work/acme", "~/work/acme/**"),
        ("~/work/acme/", "~/work/acme/**"),
        ("/srv/acme/**", "//srv/acme/**"),
        ("**/acme/**", "//**/acme/**"),
        ("~/a (b), c/**", "~/a ?b?? c/**"),
    ],
)
def test_cloud_client_may_not_read_protected_folders(ask: Ask, pattern: str, denied: str) -> None:
    policy = policy_of(privacy_rules=[NDA_RULE | {"match": {"paths": [pattern]}}])

    launch = ask(policy, projects=[OTHER]).launch

    assert launch is not None
    assert (launch.profile, launch.args) == ("plain", (f"--disallowedTools=Read({denied})",))
    assert dict(launch.env) == {}
    assert launch.unset == ("ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL")


@pytest.mark.parametrize(
    ("kind", "model"), [("ollama", "ollama_chat/qwen3-coder:30b"), ("llama_cpp", "openai/qwen3-coder:30b")]
)
def test_aider_is_told_which_runtime_serves_the_model(ask: Ask, kind: str, model: str) -> None:
    answer = ask(
        policy_of(privacy_rules=[NDA_RULE]), projects=[ACME], client="aider", facts=facts_from(runtime={"kind": kind})
    )

    assert answer.launch is not None
    assert answer.launch.args[:2] == ("--model", model)
