"""What the caller must do with an answer, and how to start the client so that it does.

The recipes are data. Their grounds: a settings file beats an environment variable in Claude Code, so protected work is
pinned with the switch made for host programs; proxies point at a closed port, so that tools which ask the network fail.
"""

from functools import lru_cache
from types import MappingProxyType

from ..answer import Launch, Obligation
from ..effects import Classification
from ..named_tuple import NamedTuple
from ..policy.protected_folders import ProtectedFolders
from ..prefixes import PrefixProfile
from ..request import Client, ClientName

# Answers of a local model are cut here: a longer one means that it does not stop by itself.
OUTPUT_CAP_TOKENS = 8192
_ENDS_A_RULE = str.maketrans(dict.fromkeys("(),", "?"))
_CLOSED_PORT = "http://127.0.0.1:9"
_PROXIES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "http_proxy", "https_proxy")
_LOOPBACK = "127.0.0.1,localhost,::1"
_TOOLS = "Bash,Read,Edit,Write,Glob,Grep"
# Where a client could be told to go elsewhere, to load other code, or a key that must not reach a local server.
_STEERING = (
    "ANTHROPIC_*", "CLAUDE_*", "CLAUDECODE", "AWS_*", "GOOGLE_*", "GCLOUD_*", "VERTEX_*", "CLOUD_ML_REGION",
    "CLOUDSDK_*", "AZURE_*", "OPENAI_*", "OLLAMA_*", "AIDER_*", "GOOSE_*", "CODEX_*", "OPENCODE_*", "LITELLM_*",
    "OTEL_*", "TRACEPARENT", "TRACESTATE", "BETA_TRACING_ENDPOINT", "*_PROXY", "*_proxy", "AGENT_PROXY_*", "MCP_*",
    "CCR_*", "SESSION_INGRESS_URL", "LOCAL_BRIDGE", "VOICE_STREAM_BASE_URL", "USE_LOCAL_OAUTH", "USE_STAGING_OAUTH",
    "ENABLE_*", "DISABLE_*", "FORCE_AUTOUPDATE_PLUGINS", "FALLBACK_FOR_ALL_PRIMARY_MODELS", "MAX_THINKING_TOKENS",
    "API_TIMEOUT_MS", "NODE_OPTIONS", "NODE_TLS_REJECT_UNAUTHORIZED", "BUN_OPTIONS", "BUN_INSPECT*", "LD_PRELOAD",
    "DYLD_INSERT_LIBRARIES",
)  # fmt: skip
_NO_OTHER_TRAFFIC = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_FEEDBACK_COMMAND": "1",
}
_NOTHING_ELSE_STARTS = {
    # An editor's terminal would make the client fetch its extension; timers and memory outlive the session.
    "CLAUDE_CODE_DISABLE_AGENT_VIEW": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_CRON": "1",
    "CLAUDE_CODE_IDE_SKIP_AUTO_INSTALL": "1",
    "CLAUDE_CODE_SKIP_PROMPT_HISTORY": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_BUG_COMMAND": "1",
    "ENABLE_CLAUDEAI_MCP_SERVERS": "false",
}
_FOR_LOCAL_MODELS = {
    # A stable prompt keeps the server's cache of it; experiments are answered with errors by local servers.
    "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
    "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS": "1",
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "MAX_THINKING_TOKENS": "0",
}
_MODEL_NAMES = (
    "ANTHROPIC_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL", "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL", "ANTHROPIC_DEFAULT_FABLE_MODEL", "ANTHROPIC_SMALL_FAST_MODEL",
    "CLAUDE_CODE_SUBAGENT_MODEL",
)  # fmt: skip


class LocalTarget(NamedTuple):
    """The model that a launch goes to, and with how much of the client's own prompt."""

    base_url: str
    model: str
    limit_tokens: int
    profile: PrefixProfile
    runtime: str = ""


# The same few models and policies are answered over and over; a recipe never changes once it is made.
@lru_cache(maxsize=1024)
def local_obligations(target: LocalTarget, *, is_protected: bool) -> tuple[Obligation, ...]:
    cap = Obligation("context_cap", target.limit_tokens)
    output = Obligation("output_cap", output_cap(target.limit_tokens))
    if is_protected:
        codes = ("loopback_only", "separate_config_dir", "no_history", "no_web_tools", "no_mcp", "slim_tools")
        last = (Obligation("parallel_agents_max", 1), Obligation("no_agent_teams"), Obligation("send_receipt"))
        return (*map(Obligation, codes), cap, output, *last)
    slim = (Obligation("slim_tools"),) if target.profile is PrefixProfile.SLIM else ()
    return (*slim, cap, output, Obligation("send_receipt"))


def cloud_obligations(protected: ProtectedFolders) -> tuple[Obligation, ...]:
    """A cloud session on a machine that holds protected folders may not read them."""
    deny = (Obligation("deny_read_paths", protected.patterns),) if protected.patterns else ()
    return (*deny, Obligation("send_receipt"))


def launched_client(client: Client | None) -> ClientName:
    """A request that names no client means Claude Code."""
    return client.name if client else ClientName.CLAUDE


@lru_cache(maxsize=1024)
def local_launch(
    target: LocalTarget, client: ClientName, *, is_protected: bool, classification: Classification
) -> Launch:
    """Protected work of each classification has a folder of its own for what the client keeps."""
    profile = "hardened" if is_protected else "slim"
    env = _endpoint(target) | (_NO_OTHER_TRAFFIC if is_protected else {})
    if client is ClientName.CLAUDE:
        env |= _claude_env(target)
    if client is ClientName.CLAUDE and is_protected:
        env |= _NOTHING_ELSE_STARTS
        env["CLAUDE_CONFIG_DIR"] = f"{{kirikae_home}}/clients/claude-{classification}"
    if is_protected:
        env |= dict.fromkeys(_PROXIES, _CLOSED_PORT)
        env |= {"NO_PROXY": _LOOPBACK, "no_proxy": _LOOPBACK}
    args = _args(target, client, is_protected=is_protected)
    unset = _STEERING if is_protected else ("ANTHROPIC_*", "CLAUDE_CODE_USE_*")
    return Launch(profile=profile, env=MappingProxyType(dict(sorted(env.items()))), unset=unset, args=args)


@lru_cache(maxsize=16)
def cloud_launch(protected: ProtectedFolders, client: ClientName) -> Launch:
    """The user's own set-up, with the endpoint back at its default."""
    denied = [f"Read({_claude_path(path)})" for path in protected.patterns] if client is ClientName.CLAUDE else []
    # Joined with `=`: written apart, the option also swallows a prompt that follows it.
    args = (f"--disallowedTools={','.join(denied)}",) if denied else ()
    return Launch(profile="plain", env={}, unset=("ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL"), args=args)


def _claude_path(pattern: str) -> str:
    """The folder with everything in it as a permission rule of Claude Code.

    There `/x` is a folder of the project and `//x` one of the disk. Characters that end a rule or a list become `?`.
    """
    folder = pattern.replace("\\", "/").rstrip("/")
    folder = folder if folder.endswith("/**") or folder == "**" else f"{folder}/**"
    anchored = folder if folder.startswith("~") else "//" + folder.lstrip("/")
    return anchored.translate(_ENDS_A_RULE)


def output_cap(limit_tokens: int) -> int:
    """At most a quarter of the window, so that the prompt keeps its room."""
    return max(1, min(OUTPUT_CAP_TOKENS, limit_tokens // 4))


def _endpoint(target: LocalTarget) -> dict[str, str]:
    """What clients in general understand; the token is a placeholder, so that no real one is sent."""
    base_url = target.base_url.rstrip("/")
    return {
        "ANTHROPIC_AUTH_TOKEN": "local",
        "ANTHROPIC_BASE_URL": base_url,
        "OLLAMA_API_BASE": base_url,
        "OPENAI_API_BASE": f"{base_url}/v1",
        "OPENAI_API_KEY": "local",
        "OPENAI_BASE_URL": f"{base_url}/v1",
    }


def _claude_env(target: LocalTarget) -> dict[str, str]:
    env = dict.fromkeys(_MODEL_NAMES, target.model) | _FOR_LOCAL_MODELS
    env["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] = str(target.limit_tokens)
    env["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] = str(output_cap(target.limit_tokens))
    # Without it a settings file of the user or of the repository could redirect the session.
    env["CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST"] = "1"
    return env | _NO_OTHER_TRAFFIC


def _args(target: LocalTarget, client: ClientName, *, is_protected: bool) -> tuple[str, ...]:
    if client is ClientName.CLAUDE:
        return _claude_args(target, is_protected=is_protected)
    return _aider_args(target) if client is ClientName.AIDER else ()


def _aider_args(target: LocalTarget) -> tuple[str, ...]:
    """Each of its three models, and nothing that it would fetch or send besides."""
    model = f"{'ollama_chat' if target.runtime == 'ollama' else 'openai'}/{target.model}"
    models = ("--model", model, "--weak-model", model, "--editor-model", model)
    return (*models, "--analytics-disable", "--no-check-update", "--no-show-release-notes", "--no-show-model-warnings")


def _claude_args(target: LocalTarget, *, is_protected: bool) -> tuple[str, ...]:
    """The model comes last: the options before it take any number of values and would swallow the user's prompt."""
    model = ("--model", target.model)
    if is_protected:
        closed = ("--setting-sources", "user", "--strict-mcp-config", "--disallowedTools", "WebFetch,WebSearch")
        return (*closed, "--tools", _TOOLS, *model)
    return ("--tools", _TOOLS, *model) if target.profile is PrefixProfile.SLIM else model
