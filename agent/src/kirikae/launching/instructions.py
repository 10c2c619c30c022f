"""How to point other clients at the local model by hand: printed, because their settings are theirs to write."""

from __future__ import annotations

from collections.abc import Mapping

from kirikae.collect.runtime_facts import base_url_of, mapping_of
from kirikae.launching.preflight import tell_on_stderr
from kirikae.texts import say

# What to write, in the form of each client's own documentation.
LINES: Mapping[str, tuple[str, ...]] = {
    "goose": (
        "export GOOSE_PROVIDER=openai OPENAI_HOST={url} OPENAI_BASE_PATH=v1/chat/completions OPENAI_API_KEY=local",
        "export GOOSE_MODEL={model} GOOSE_TELEMETRY_ENABLED=false",
    ),
    "codex": (
        "# ~/.codex/config.toml",
        'model = "{model}"',
        'model_provider = "local"',
        "[model_providers.local]",
        'name = "local"',
        'base_url = "{url}/v1"',
        'wire_api = "responses"',
    ),
    "opencode": (
        "// opencode.json",
        '{{"model": "local/{model}", "small_model": "local/{model}", "provider": {{"local":',
        ' {{"npm": "@ai-sdk/openai-compatible", "options": {{"baseURL": "{url}/v1"}},',
        '  "models": {{"{model}": {{}}}}}}}}}}',
    ),
    "cline": ("cline auth    # provider: OpenAI compatible, base URL: {url}/v1, model: {model}, key: local",),
    "continue": (
        "# ~/.continue/config.yaml",
        "models: [{{name: local, provider: openai, model: {model}, apiBase: {url}/v1, apiKey: local}}]",
    ),
    "droid": (
        "// ~/.factory/config.json",
        '{{"custom_models": [{{"model": "{model}", "base_url": "{url}/v1", "api_key": "local",',
        ' "provider": "generic-chat-completion-api"}}]}}',
    ),
}


def tell_instructions(client: str, document: Mapping[str, object]) -> None:
    model = mapping_of(document, "model").get("name")
    tell_on_stderr(say("run.instructions", client=client))
    for line in LINES[client]:
        tell_on_stderr("    " + line.format(url=base_url_of(document).rstrip("/"), model=model))
