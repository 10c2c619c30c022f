"""The collectors against a real llama-server."""

import json
import time
import urllib.request
from pathlib import Path

import pytest
from kirikae.bench.measuring import measure_model
from kirikae.bench.series import MAX_RUNS, MIN_RUNS
from kirikae.collect.report import collect_report
from kirikae.collect.runtimes import find_runtimes, probe_runtime
from kirikae.engine.facts import benchmarks_from_document, report_from_document
from kirikae.home import Home
from kirikae.launching.model_checks import check_model, find_checks

from tests.agent.relaying import relaying
from tests.runtimes.llama_server import CONTEXT_TOKENS, LlamaServer

pytestmark = pytest.mark.slow


def test_llama_server_is_found_by_what_it_answers(llama_server: LlamaServer) -> None:
    runtimes = find_runtimes(budget_s=2.0, environment={"KIRIKAE_RUNTIMES": llama_server.base_url})

    runtime = next(runtime for runtime in runtimes if runtime.base_url == llama_server.base_url)
    assert (runtime.kind, runtime.state, runtime.messages_api) == ("llama_cpp", "up", True)
    assert runtime.version
    assert runtime.version.startswith("b")


def test_the_loaded_model_is_listed_with_its_context_per_slot(llama_server: LlamaServer) -> None:
    runtime = probe_runtime(llama_server.base_url, deadline=time.monotonic() + 2.0)

    assert runtime is not None
    (model,) = runtime.models
    assert (model.name, model.quantization, model.format) == ("tiny", "F16", "gguf")
    assert model.effective_context_tokens == CONTEXT_TOKENS
    assert model.max_context_tokens == 131_072
    assert (model.loaded, model.remote, model.vision) == (True, False, False)
    assert model.size_bytes
    assert model.parameters


def test_the_benchmark_reads_the_counters_of_the_server(
    llama_server: LlamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kirikae.bench.series.DEPTH_TIME_S", 1.0)
    runtime = probe_runtime(llama_server.base_url, deadline=time.monotonic() + 2.0)
    assert runtime is not None

    outcome = measure_model(runtime, runtime.models[0])

    benchmarks = benchmarks_from_document({"benchmarks": outcome.benchmarks})
    assert [(one.depth_tokens, one.model, one.quantization) for one in benchmarks] == [
        (512, "tiny", "F16"),
        (4096, "tiny", "F16"),
        (16_384, "tiny", "F16"),
    ]
    for benchmark in benchmarks:
        assert MIN_RUNS <= benchmark.runs <= MAX_RUNS
        assert benchmark.decode_tokens_per_s > 1
        # The server really read the whole prompt before it wrote the first token.
        assert benchmark.first_token_s
        assert benchmark.first_token_s >= 0.8 * benchmark.depth_tokens / benchmark.prompt_tokens_per_s


def test_a_report_with_it_is_one_that_the_engine_reads(llama_server: LlamaServer, tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIRIKAE_RUNTIMES", llama_server.base_url)
        report = report_from_document(collect_report(home, budget_s=2.0))

    runtime = next(runtime for runtime in report.runtimes if runtime.base_url == llama_server.base_url)
    assert runtime.models[0].effective_context_tokens == CONTEXT_TOKENS
    assert report.hardware.memory_bytes


def test_the_model_checks_find_a_late_system_message_and_no_tools_in_a_random_model(
    llama_server: LlamaServer, tmp_path: Path
) -> None:
    home = Home(tmp_path)

    checks = check_model(home, llama_server.base_url, runtime_version="b1", model=llama_server.model)

    assert (checks.system_in_middle, checks.tool_call) == (True, False)
    assert find_checks(home, runtime_version="b1", model=llama_server.model) == checks


def test_an_answer_streams_through_the_relay_of_a_confined_launch(llama_server: LlamaServer) -> None:
    messages = [{"role": "user", "content": "hi"}]
    body = {"model": llama_server.model, "max_tokens": 8, "stream": True, "messages": messages}
    with relaying(llama_server.base_url, model=llama_server.model) as (host, port):
        address = f"http://{host}:{port}/v1/messages?beta=true"
        request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})

        with urllib.request.urlopen(request, timeout=30) as answer:
            events = [line for line in answer.read().decode().splitlines() if line.startswith("event: ")]

    assert events[0] == "event: message_start"
    assert events[-1] == "event: message_stop"
    assert events.count("event: content_block_delta") >= 1
