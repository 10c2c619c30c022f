"""How each kind of runtime is asked for one run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from time import monotonic

from kirikae.bench.run import GENERATED_TOKENS, Run, Runner, WordCount, number, stream, words
from kirikae.collect.runtime_facts import MAX_VERSION, Model, Runtime, mapping_of, text_of
from kirikae.fetch import FetchError, fetch

TOKENIZE_TIMEOUT_S = 30.0


class LlamaCpp:
    """Exact prompts by its tokenizer; without the cache every run reads all, without an end token it writes as much."""

    def __init__(self, runtime: Runtime, _model: Model) -> None:
        self._url = runtime.base_url

    def run(self, depth_tokens: int) -> Run:
        answer = stream(
            f"{self._url}/completion",
            {
                "prompt": self._prompt(depth_tokens),
                "n_predict": GENERATED_TOKENS,
                "cache_prompt": False,
                "ignore_eos": True,
                "temperature": 0,
                "stream": True,
            },
        )
        timings = mapping_of(answer.last_with("timings"), "timings")
        return Run(
            prompt_tokens=round(number(timings["prompt_n"])),
            prompt_tokens_per_s=number(timings["prompt_per_second"]),
            decode_tokens_per_s=number(timings["predicted_per_second"]),
            first_token_s=answer.first_token_s,
        )

    def _prompt(self, depth_tokens: int) -> list[int]:
        body = json.dumps({"content": words(depth_tokens)}).encode()
        answer = fetch(f"{self._url}/tokenize", deadline=monotonic() + TOKENIZE_TIMEOUT_S, body=body, max_bytes=2**23)
        tokens = mapping_of({"answer": answer.found()}, "answer").get("tokens")
        if not isinstance(tokens, list) or len(tokens) < depth_tokens:
            raise FetchError("garbage")
        return tokens[:depth_tokens]


class Ollama:
    def __init__(self, runtime: Runtime, model: Model) -> None:
        self._url, self._model = runtime.base_url, model.name
        self._words = WordCount()

    def run(self, depth_tokens: int) -> Run:
        count = self._words.for_tokens(depth_tokens)
        options = {"num_predict": GENERATED_TOKENS, "temperature": 0}
        request = {"model": self._model, "prompt": words(count), "raw": True, "stream": True, "options": options}
        answer = stream(f"{self._url}/api/generate", request)
        counters = answer.events[-1]
        prompt_tokens = round(number(counters["prompt_eval_count"]))
        self._words.learn(asked_words=count, counted_tokens=prompt_tokens)
        # Durations are nanoseconds.
        prompt_s, decode_s = (number(counters[key]) / 1e9 for key in ("prompt_eval_duration", "eval_duration"))
        return Run(
            prompt_tokens=prompt_tokens,
            prompt_tokens_per_s=prompt_tokens / prompt_s,
            decode_tokens_per_s=number(counters["eval_count"]) / decode_s,
            first_token_s=answer.first_token_s,
        )


class ChatStream:
    """Any runtime with OpenAI's chat: it counts tokens, the clock is ours."""

    def __init__(self, runtime: Runtime, model: Model) -> None:
        self._url = runtime.base_url
        self._model = _name_for(runtime, model)
        self._words = WordCount()

    def run(self, depth_tokens: int) -> Run:
        count = self._words.for_tokens(depth_tokens)
        request = {
            "model": self._model,
            "messages": [{"role": "user", "content": words(count)}],
            "max_tokens": GENERATED_TOKENS,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        answer = stream(f"{self._url}/v1/chat/completions", request)
        usage = mapping_of(answer.last_with("usage"), "usage")
        prompt_tokens, generated = (round(number(usage[key])) for key in ("prompt_tokens", "completion_tokens"))
        self._words.learn(asked_words=count, counted_tokens=prompt_tokens)
        return Run(
            prompt_tokens=prompt_tokens,
            prompt_tokens_per_s=prompt_tokens / answer.first_token_s,
            # The first token belongs to the prompt's time.
            decode_tokens_per_s=(generated - 1) / (answer.last_token_s - answer.first_token_s),
            first_token_s=answer.first_token_s,
            runtime_version=_version_of(answer.events[0]),
        )


def _name_for(runtime: Runtime, model: Model) -> str:
    """mlx_lm.server looks unknown names up elsewhere; the model that it was started with has a name of its own."""
    return "default_model" if runtime.kind == "mlx_lm" and model.loaded else model.name


def _version_of(event: Mapping[str, object]) -> str | None:
    """mlx_lm.server's fingerprint: its version, MLX's, and the platform."""
    fingerprint = text_of(event, "system_fingerprint", limit=MAX_VERSION)
    version = fingerprint.partition("-")[0] if fingerprint else ""
    return version if version[:1].isdigit() else None


RUNNERS: Mapping[str, Callable[[Runtime, Model], Runner]] = {
    "llama_cpp": LlamaCpp,
    "ollama": Ollama,
    "lm_studio": ChatStream,
    "mlx_lm": ChatStream,
    "omlx": ChatStream,
}
