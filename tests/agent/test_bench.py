"""The benchmark with the counters of a stand-in Ollama; the real llama-server is measured in tests/runtimes."""

import json
from collections.abc import Callable

import pytest
from kirikae.bench import bench_model
from kirikae.collect.runtime_facts import Model, Runtime
from kirikae.commands.bench import keep_benchmarks
from kirikae.engine.facts import benchmarks_from_document
from kirikae.errors import PreflightError
from kirikae.home import Home

from tests.agent.standin import answer, garbage, routes, standin


class Ollama:
    """Counts a token and a half per word; its decode rate rises by 10 tokens/s per run."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def __call__(self, request: bytes, send: Callable[[bytes], None]) -> None:
        document = json.loads(request.partition(b"\r\n\r\n")[2])
        self.prompts.append(document["prompt"])
        tokens = round(len(document["prompt"].split()) * 1.5)
        counters = {
            "prompt_eval_count": tokens,
            "prompt_eval_duration": tokens * 10_000_000,
            "eval_count": 128,
            "eval_duration": round(128e9 / (10 * len(self.prompts))),
        }
        send(answer(json.dumps(counters).encode()))


def test_ollama_is_measured_by_its_own_counters_after_a_warm_up() -> None:
    ollama = Ollama()
    with standin(ollama) as url:
        result = bench_model(Runtime("ollama", url, "up", version="0.20.1"), Model("gemma4", quantization="Q4_K_M"))

    assert (result["prompt_tokens_per_s"], result["decode_tokens_per_s"], result["runs"]) == (100.0, 30.0, 3)
    assert result["first_token_s"] == pytest.approx(5.12)
    assert len({prompt.split()[0] for prompt in ollama.prompts}) == 4
    assert [len(prompt.split()) for prompt in ollama.prompts[1:]] == [341, 341, 341]
    assert benchmarks_from_document({"benchmarks": [result]})


@pytest.mark.parametrize("behave", [garbage, routes({}), routes({}, otherwise=answer(b'{"eval_count":0}'))])
def test_a_runtime_that_fails_while_measured_is_named(behave: Callable[[bytes, Callable[[bytes], None]], None]) -> None:
    with standin(behave) as url, pytest.raises(PreflightError) as caught:
        bench_model(Runtime("ollama", url, "up"), Model("gemma4"))

    assert caught.value.code == "bench.failed"


def test_a_server_without_counters_is_not_measured() -> None:
    with pytest.raises(PreflightError) as caught:
        bench_model(Runtime("openai_compatible", "http://127.0.0.1:1", "up"), Model("m"))

    assert caught.value.code == "bench.no_counters"


def test_the_newest_benchmark_of_a_model_is_kept(home: Home) -> None:
    keep_benchmarks(home, [{"model": "a", "runs": 1}, {"model": "b", "runs": 1}])

    keep_benchmarks(home, [{"model": "a", "runs": 3}])

    assert home.read_json("benchmarks.json") == {"benchmarks": [{"model": "a", "runs": 3}, {"model": "b", "runs": 1}]}
