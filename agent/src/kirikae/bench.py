"""One measured run of a local model, method `kirikae-1`.

A prompt of 512 tokens, 128 generated, one warm-up and three runs; the runtime's own counters; the median of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import monotonic

from kirikae.collect.runtime_facts import Model, Runtime, mapping_of
from kirikae.errors import PreflightError
from kirikae.fetch import FetchError, fetch
from kirikae.moments import now, write_moment

METHOD = "kirikae-1"
PROMPT_TOKENS, GENERATED_TOKENS, RUNS = 512, 128, 3
# The slowest machine worth measuring: 512 tokens at 5/s and 128 at 1/s.
RUN_TIMEOUT_S = 240.0
TEXT = "the quick brown fox jumps over the lazy dog and then walks home along the river"
WORDS = TEXT.split()


@dataclass(frozen=True)
class Run:
    prompt_tokens_per_s: float
    decode_tokens_per_s: float
    first_token_s: float


def bench_model(runtime: Runtime, model: Model) -> dict[str, object]:
    """A benchmark as the portal takes it. Raises PreflightError when the runtime fails or has no counters."""
    measure = MEASURES.get(runtime.kind)
    if measure is None:
        raise PreflightError("bench.no_counters", runtime=runtime.base_url)
    try:
        runs = measure(runtime.base_url, model.name)
    except (FetchError, KeyError, TypeError, ZeroDivisionError) as error:
        raise PreflightError("bench.failed", model=model.name, runtime=runtime.base_url) from error
    return {
        "runtime": runtime.kind,
        "runtime_version": runtime.version,
        "model": model.name,
        "quantization": model.quantization,
        "depth_tokens": PROMPT_TOKENS,
        "prompt_tokens_per_s": round(median(run.prompt_tokens_per_s for run in runs), 2),
        "decode_tokens_per_s": round(median(run.decode_tokens_per_s for run in runs), 2),
        "first_token_s": round(median(run.first_token_s for run in runs), 4),
        "runs": len(runs),
        "method": METHOD,
        "measured_at": write_moment(now()),
    }


def measure_llama_cpp(base_url: str, _model: str) -> list[Run]:
    tokens = _tokens_of_llama_cpp(base_url)
    # Without the cache every run reads the whole prompt; without an end token every run writes as much.
    request = {
        "prompt": tokens,
        "n_predict": GENERATED_TOKENS,
        "cache_prompt": False,
        "ignore_eos": True,
        "temperature": 0,
    }
    return [_run_of_timings(_post(base_url, "/completion", request)) for _ in range(RUNS + 1)][1:]


def _tokens_of_llama_cpp(base_url: str) -> list[int]:
    answer = _post(base_url, "/tokenize", {"content": " ".join(WORDS * (PROMPT_TOKENS // len(WORDS) + 1))})
    tokens = answer["tokens"]
    if not isinstance(tokens, list) or len(tokens) < PROMPT_TOKENS:
        raise FetchError("garbage")
    return tokens[:PROMPT_TOKENS]


def _run_of_timings(answer: Mapping[str, object]) -> Run:
    timings = mapping_of(answer, "timings")
    return Run(
        prompt_tokens_per_s=_number(timings["prompt_per_second"]),
        decode_tokens_per_s=_number(timings["predicted_per_second"]),
        first_token_s=_number(timings["prompt_ms"]) / 1000,
    )


def measure_ollama(base_url: str, model: str) -> list[Run]:
    """Ollama has no tokenizer route: the warm-up tells how many tokens our words are, and the prompt is cut to fit."""
    warm_up = _generate(base_url, model, words=PROMPT_TOKENS, nonce=0)
    words = max(1, round(PROMPT_TOKENS * PROMPT_TOKENS / _number(warm_up["prompt_eval_count"])))
    return [_run_of_counters(_generate(base_url, model, words=words, nonce=run)) for run in range(1, RUNS + 1)]


def _generate(base_url: str, model: str, *, words: int, nonce: int) -> Mapping[str, object]:
    """The first word differs per run: Ollama keeps the longest common prefix and would not read it again."""
    text = " ".join([f"run{nonce}", *(WORDS[place % len(WORDS)] for place in range(words))])
    options = {"num_predict": GENERATED_TOKENS, "temperature": 0}
    return _post(
        base_url, "/api/generate", {"model": model, "prompt": text, "raw": True, "stream": False, "options": options}
    )


def _run_of_counters(answer: Mapping[str, object]) -> Run:
    """Durations are nanoseconds."""
    prompt_s, decode_s = (_number(answer[key]) / 1e9 for key in ("prompt_eval_duration", "eval_duration"))
    return Run(
        prompt_tokens_per_s=_number(answer["prompt_eval_count"]) / prompt_s,
        decode_tokens_per_s=_number(answer["eval_count"]) / decode_s,
        first_token_s=prompt_s,
    )


MEASURES: Mapping[str, Callable[[str, str], list[Run]]] = {"llama_cpp": measure_llama_cpp, "ollama": measure_ollama}


def _post(base_url: str, path: str, document: Mapping[str, object]) -> Mapping[str, object]:
    answer = fetch(base_url + path, deadline=monotonic() + RUN_TIMEOUT_S, body=json.dumps(document).encode())
    if answer.status != 200:
        raise FetchError("http_error")
    body = answer.json()
    if not isinstance(body, dict):
        raise FetchError("garbage")
    return body


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)
