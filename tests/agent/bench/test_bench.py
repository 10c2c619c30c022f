"""Benchmarks against stand-in runtimes; the real llama-server and mlx_lm.server are measured in tests/runtimes."""

import io
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from kirikae.bench.certainty import uncertainty
from kirikae.bench.conditions import Conditions, why_too_deep
from kirikae.bench.measuring import METHOD, Outcome, measure_model
from kirikae.bench.progress import ProgressBar
from kirikae.bench.series import DEPTH_TIME_S, ENOUGH_RUNS, MAX_RUNS, MIN_RUNS, RESTLESS_RUNS, RESTLESS_TIME_S
from kirikae.cli import main
from kirikae.collect.report import with_checks
from kirikae.collect.runtime_facts import Model, Runtime, entries_of, mapping_of, runtime_from_document
from kirikae.commands.bench import check_once
from kirikae.errors import PortalError, PreflightError
from kirikae.home import Enrolment, Home
from kirikae.portal.benchmarks import keep_benchmarks, send_benchmarks
from kirikae.portal.client import PortalClient

from tests.agent import standin as servers
from tests.agent.standin import answer, routes, sample, standin

QUIET = Conditions(memory_pressure="normal", memory_available_bytes=2**36, on_battery=False, low_power=False)
type Send = Callable[[bytes], None]


def body_of(request: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(request.partition(b"\r\n\r\n")[2])
    return document


def events(*documents: object, prefix: bytes = b"data: ") -> bytes:
    return b"".join(prefix + json.dumps(one).encode() + b"\n\n" for one in documents)


class Ollama:
    """Counts a token and a half per word; decode rates come from a list, the last one again and again."""

    def __init__(self, *rates: float) -> None:
        self.prompts: list[str] = []
        self._rates = list(rates)

    def __call__(self, request: bytes, send: Send) -> None:
        if not request.startswith(b"POST /api/generate"):
            return
        prompt = body_of(request)["prompt"]
        self.prompts.append(prompt)
        rate = self._rates.pop(0) if len(self._rates) > 1 else self._rates[0]
        tokens = round(len(prompt.split()) * 1.5)
        counters = {
            "done": True,
            "prompt_eval_count": tokens,
            "prompt_eval_duration": tokens * 10_000_000,
            "eval_count": 128,
            "eval_duration": round(128e9 / rate),
        }
        send(answer(events({"response": "a", "done": False}, counters, prefix=b"")))


def measure(behave: servers.Behaviour, *, kind: str = "ollama", model: Model | None = None, **options: Any) -> Outcome:
    with standin(behave) as url:
        return measure_model(
            Runtime(kind, url, "up", version="0.20.1"),
            model or Model("gemma4", quantization="Q4_K_M", max_context_tokens=1024),
            **({"conditions": lambda: QUIET} | options),
        )


def test_ollama_is_measured_by_its_own_counters_after_a_warm_up() -> None:
    ollama = Ollama(1.0, 1.0, 30.0)

    (result,) = measure(ollama).benchmarks

    assert (result["prompt_tokens_per_s"], result["decode_tokens_per_s"], result["runs"]) == (100.0, 30.0, ENOUGH_RUNS)
    assert (result["depth_tokens"], result["method"], result["runtime_version"]) == (512, METHOD, "0.20.1")
    assert len({prompt.split()[0] for prompt in ollama.prompts}) == len(ollama.prompts) == 2 + ENOUGH_RUNS
    # The first prompt teaches how many tokens a word has.
    assert [len(prompt.split()) - 1 for prompt in ollama.prompts[1:]] == [339] + [340] * ENOUGH_RUNS


def test_runs_are_added_until_the_median_is_sure() -> None:
    outcome = measure(Ollama(1.0, 1.0, 10.0, *[30.0] * 9))

    assert [(one["runs"], one["decode_tokens_per_s"], one["decode_spread"]) for one in outcome.benchmarks] == [
        (8, 30.0, 0.0)
    ]
    assert outcome.unsteady == []


def test_a_machine_that_is_restless_for_a_while_does_not_choose_the_median() -> None:
    """Three like runs would do by their spread alone."""
    (result,) = measure(Ollama(1.0, 1.0, *[20.0] * 3, *[30.0] * 30)).benchmarks

    assert result["decode_tokens_per_s"] == 30.0


def test_a_restless_machine_is_told_by_the_spread_and_as_unsteady() -> None:
    evenly = [10 + 40 * (place * 37 % MAX_RUNS) / (MAX_RUNS - 1) for place in range(MAX_RUNS)]

    outcome = measure(Ollama(1.0, 1.0, *evenly))

    (result,) = outcome.benchmarks
    assert (result["runs"], result["decode_tokens_per_s"]) == (MAX_RUNS, 30.0)
    assert result["decode_spread"] == pytest.approx(10 / 30, abs=0.01)
    ((depth, share),) = outcome.unsteady
    assert depth == 512
    # The 41st and the 60th of a hundred.
    assert share == pytest.approx(19 / 99 * 40 / 2 / 30, abs=1e-4)


@pytest.mark.parametrize(
    ("values", "share"),
    [([95, 100, 105], 0.05), ([90, 99, 100, 101, 110], 0.1), ([1, 98, 99, 100, 100, 101, 102, 999], 0.02)],
)
def test_a_median_is_as_sure_as_the_values_around_it_let_it_be(values: list[float], share: float) -> None:
    assert uncertainty(values) == pytest.approx(share)


def test_a_slow_model_gets_few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on by half of the time at each look."""
    passing = itertools.count(step=DEPTH_TIME_S / 2)
    monkeypatch.setattr("kirikae.bench.series.monotonic", lambda: next(passing))

    (result,) = measure(Ollama(1.0, 1.0, 10.0, 20.0, 30.0, 40.0)).benchmarks

    assert result["runs"] == MIN_RUNS


def test_long_runs_on_a_restless_machine_end_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is looked at before and after a run, and two of those do not count."""
    passing = itertools.count(step=RESTLESS_TIME_S / (RESTLESS_RUNS + 1))
    monkeypatch.setattr("kirikae.bench.series.monotonic", lambda: next(passing))

    (result,) = measure(Ollama(1.0, 1.0, *[10.0, 20.0, 30.0, 40.0, 50.0] * RESTLESS_RUNS)).benchmarks

    assert result["runs"] == RESTLESS_RUNS


def test_depths_take_turns_once_each_has_its_least_runs() -> None:
    lengths = []

    def ollama(request: bytes, send: Send) -> None:
        lengths.append(round(len(body_of(request)["prompt"].split()) * 1.5))
        tokens = lengths[-1]
        # Restless, at both depths.
        rate = 100 if len(lengths) % 4 < 2 else 50
        counters = {"prompt_eval_count": tokens, "prompt_eval_duration": tokens * 1e9 / rate}
        send(answer(events({"response": "a"}, counters | {"eval_count": 128, "eval_duration": 1e9}, prefix=b"")))

    measure(ollama, model=Model("m", effective_context_tokens=8192))

    depths = [512 if length < 1024 else 4096 for length in lengths]
    least = 2 + MIN_RUNS
    assert depths[: 2 * least] == [512] * least + [4096] * least
    assert depths[2 * least :] == [512, 4096] * (MAX_RUNS - MIN_RUNS)


def test_each_depth_that_the_context_holds_is_measured() -> None:
    outcome = measure(Ollama(30.0), model=Model("m", effective_context_tokens=8192, max_context_tokens=131_072))

    assert [result["depth_tokens"] for result in outcome.benchmarks] == [512, 4096]
    assert outcome.skipped == [(16_384, "context")]


def test_the_context_that_a_load_makes_known_ends_the_depths() -> None:
    outcome = measure(Ollama(30.0), model=Model("m"), latest=lambda _model: Model("m", effective_context_tokens=4096))

    assert [result["depth_tokens"] for result in outcome.benchmarks] == [512]
    assert outcome.skipped == [(4096, "context"), (16_384, "context")]


def test_a_truncated_prompt_counts_as_the_depth_that_was_read() -> None:
    def truncating(request: bytes, send: Send) -> None:
        counters = {"prompt_eval_count": 256, "prompt_eval_duration": 1e9, "eval_count": 9, "eval_duration": 1e9}
        send(answer(events({"response": "a"}, counters, prefix=b"")))

    assert [result["depth_tokens"] for result in measure(truncating).benchmarks] == [256]


def test_a_depth_that_would_take_too_long_is_left_out() -> None:
    def slow(request: bytes, send: Send) -> None:
        tokens = round(len(body_of(request)["prompt"].split()) * 1.5)
        counters = {
            "prompt_eval_count": tokens,
            "prompt_eval_duration": tokens * 1e9 / 20,
            "eval_count": 128,
            "eval_duration": 1e9,
        }
        send(answer(events({"response": "a"}, counters, prefix=b"")))

    outcome = measure(slow, model=Model("m"))

    assert [result["depth_tokens"] for result in outcome.benchmarks] == [512]
    assert outcome.skipped == [(4096, "time"), (16_384, "time")]


SHAPE = {"full_layers": 48, "kv_heads": 8, "head_dim": 128}


@pytest.mark.parametrize(
    ("available", "depth", "reason"), [(2**32, 4096, None), (2**30, 4096, "memory"), (None, 16_384, None)]
)
def test_a_depth_needs_memory_for_its_cache(available: int | None, depth: int, reason: str | None) -> None:
    conditions = Conditions(memory_available_bytes=available)

    assert why_too_deep(depth, Model("m", geometry=SHAPE), conditions) == reason


class Pressure:
    """Comes up after so many looks at the machine."""

    def __init__(self, after: int) -> None:
        self._left = after

    def __call__(self) -> Conditions:
        self._left -= 1
        return QUIET if self._left >= 0 else QUIET._replace(memory_pressure="warning")


def test_pressure_before_the_first_run_ends_it_without_a_result() -> None:
    ollama = Ollama(30.0)

    outcome = measure(ollama, conditions=Pressure(0))

    assert (outcome.benchmarks, outcome.pressure, ollama.prompts) == ([], "warning", [])


def test_pressure_meanwhile_keeps_the_depths_that_were_done() -> None:
    """One look per depth and one per run."""
    outcome = measure(Ollama(30.0), model=Model("m"), conditions=Pressure(1 + MIN_RUNS + 1 + 2))

    assert ([result["depth_tokens"] for result in outcome.benchmarks], outcome.pressure) == ([512], "warning")


def test_pressure_while_depths_take_turns_keeps_them_all() -> None:
    """One look per depth and one per run; the last depth has no room, and the first turn is the last one."""
    looks = 2 * (1 + MIN_RUNS) + 1 + 1

    outcome = measure(Ollama(30.0), model=Model("m", effective_context_tokens=8192), conditions=Pressure(looks))

    assert [(one["depth_tokens"], one["runs"]) for one in outcome.benchmarks] == [(512, MIN_RUNS + 1), (4096, MIN_RUNS)]
    assert outcome.pressure == "warning"


def test_llama_server_is_measured_with_exact_prompts() -> None:
    prompts = []

    def llama(request: bytes, send: Send) -> None:
        if b"/tokenize" in request.split(b"\r\n")[0]:
            send(answer(json.dumps({"tokens": list(range(9000))}).encode()))
            return
        document = body_of(request)
        prompts.append(document["prompt"])
        assert (document["cache_prompt"], document["ignore_eos"]) == (False, True)
        timings = {"prompt_n": len(document["prompt"]), "prompt_per_second": 250.0, "predicted_per_second": 40.0}
        send(answer(events({"content": "a"}, {"content": "", "stop": True, "timings": timings})))

    outcome = measure(llama, kind="llama_cpp", model=Model("m", effective_context_tokens=8192))

    assert [result["depth_tokens"] for result in outcome.benchmarks] == [512, 4096]
    assert {len(prompt) for prompt in prompts} == {512, 4096}
    assert outcome.benchmarks[0]["prompt_tokens_per_s"] == 250.0


def test_mlx_lm_is_measured_by_the_clock_and_tells_its_version_in_the_answer() -> None:
    """The recorded stream, piece by piece: a keep-alive, four tokens, the usage at the end."""
    models = []

    def mlx(request: bytes, send: Send) -> None:
        models.append(body_of(request)["model"])
        send(b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for piece in sample("mlx_lm/v1_chat_completions_stream.sse").split(b"\n\n"):
            time.sleep(0.01)
            send(piece + b"\n\n")

    with standin(mlx) as url:
        runtime, model = Runtime("mlx_lm", url, "up"), Model("tiny", loaded=True, max_context_tokens=1024)
        (result,) = measure_model(runtime, model, conditions=lambda: QUIET).benchmarks

    assert set(models) == {"default_model"}
    assert (result["runtime_version"], result["depth_tokens"]) == ("0.32.2", 21)
    # Three tokens follow the first, 10 ms apart; the prompt took the 20 ms before. A busy machine takes longer.
    assert result["decode_tokens_per_s"] == pytest.approx(75, abs=55)
    assert result["first_token_s"] == pytest.approx(0.1, abs=0.085)


@pytest.mark.parametrize(
    "behave",
    [
        servers.garbage,
        servers.promise_a_gigabyte,
        servers.redirect,
        routes({}),
        routes({}, otherwise=answer(b"", status="500 Internal Server Error")),
        routes({}, otherwise=answer(b'{"response":"a","eval_count":0}')),
        routes({}, otherwise=answer(b'{"response":"a"}\n{"prompt_eval_count":"many"}')),
        routes({}, otherwise=answer(b"[" * 100_000)),
    ],
)
@pytest.mark.parametrize("kind", ["ollama", "llama_cpp", "mlx_lm"])
def test_a_runtime_that_fails_while_measured_is_named(kind: str, behave: servers.Behaviour) -> None:
    with pytest.raises(PreflightError) as caught:
        measure(behave, kind=kind)

    assert caught.value.code == "bench.failed"


def test_a_runtime_that_hangs_or_drips_is_left_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kirikae.bench.run.RUN_TIMEOUT_S", 0.1)

    for behave in (servers.hang, servers.drip):
        with pytest.raises(PreflightError) as caught:
            measure(behave)
        assert caught.value.code == "bench.failed"


def test_a_server_of_an_unknown_kind_is_not_measured() -> None:
    with pytest.raises(PreflightError) as caught:
        measure_model(Runtime("openai_compatible", "http://127.0.0.1:1", "up"), Model("m"), conditions=lambda: QUIET)

    assert caught.value.code == "bench.not_measured"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_progress_bar_is_drawn_on_a_terminal_and_taken_away() -> None:
    out = Terminal()
    bar = ProgressBar("gemma4", of_runs=4, out=out)

    bar(512, 2)
    bar.close()

    assert "gemma4  512 tokens  ██████████░░░░░░░░░░  run 3" in out.getvalue()
    assert out.getvalue().endswith("\r\033[K")


def test_no_progress_is_written_to_a_file() -> None:
    out = io.StringIO()
    bar = ProgressBar("gemma4", of_runs=4, out=out)

    bar(512, 2)
    bar.close()

    assert out.getvalue() == ""


def test_the_newest_benchmark_of_a_model_is_kept(home: Home) -> None:
    keep_benchmarks(home, [{"model": "a", "runs": 1}, {"model": "b", "runs": 1}])

    keep_benchmarks(home, [{"model": "a", "runs": 3}])

    assert home.read_json("benchmarks.json") == {"benchmarks": [{"model": "a", "runs": 3}, {"model": "b", "runs": 1}]}


def test_results_wait_here_while_the_portal_is_away_and_are_sent_once(home: Home) -> None:
    received: list[dict[str, Any]] = []

    def portal(request: bytes, send: Send) -> None:
        received.append(body_of(request))
        send(answer(b'{"stored": 1}'))

    keep_benchmarks(home, [{"model": "a", "runs": 3}])
    with PortalClient("http://127.0.0.1:9") as away, pytest.raises(PortalError):
        send_benchmarks(home, away)

    with standin(portal) as url, PortalClient(url) as back:
        sent = [send_benchmarks(home, back) for _ in range(2)]

    assert sent == [1, 0]
    assert received == [{"benchmarks": [{"model": "a", "runs": 3}]}]
    assert home.read_json("benchmarks.json")["benchmarks"] == [{"model": "a", "runs": 3}]


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kirikae.bench.run.RUN_TIMEOUT_S", 5.0)


@pytest.fixture
def bench_world(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """An enrolled machine with one loaded model of Ollama; what the portal received."""
    received: list[dict[str, Any]] = []
    measured = Ollama(30.0)
    listing = routes(
        {
            "/api/version": answer(sample("ollama/api_version.json")),
            "/api/tags": answer(sample("ollama/api_tags.json")),
            "/api/ps": answer(sample("ollama/api_ps.json")),
            "/api/show": answer(sample("ollama/api_show.json")),
        }
    )

    def ollama(request: bytes, send: Send) -> None:
        (measured if b"/api/generate" in request.split(b"\r\n")[0] else listing)(request, send)

    def portal(request: bytes, send: Send) -> None:
        received.append(body_of(request))
        send(answer(b'{"stored": 1}'))

    servers_here: list[AbstractContextManager[str]] = [standin(ollama), standin(portal)]
    with servers_here[0] as runtime_url, servers_here[1] as portal_url:
        monkeypatch.setenv("KIRIKAE_RUNTIMES", runtime_url)
        home.save_enrolment(Enrolment(portal_url, machine="m_1", name="ben-mini", signing_key="k"), token="t")
        yield received


def test_bench_prints_sends_and_keeps_what_it_measured(
    home: Home, bench_world: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kirikae.bench.measuring.read_conditions", lambda: QUIET)

    assert main(["bench"]) == 0
    assert main(["bench", "--depth", "1000"]) == 64

    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("gemma4 at 512 tokens: prompt 100.0 tokens/s (±0.0 %), decode 30.0 tokens/s (±0.0 %)")
    assert out[1] == "gemma4 at 4096 tokens: not measured, its context is smaller."
    report, benchmarks = bench_world
    assert report["runtimes"][0]["kind"] == "ollama"
    assert [one["depth_tokens"] for one in benchmarks["benchmarks"]] == [512]
    assert home.read_json("benchmarks.json") == benchmarks


def test_bench_under_pressure_says_so_and_what_to_do(
    bench_world: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("kirikae.bench.measuring.read_conditions", Pressure(0))

    assert main(["bench"]) == 6

    assert capsys.readouterr().err == (
        "Stopped at gemma4: memory pressure is high; close what you do not need, then type `kirikae bench`.\n"
    )
    assert [one for one in bench_world if "benchmarks" in one] == []


def test_the_questions_of_a_launch_are_asked_once_and_told_in_reports(home: Home) -> None:
    def behave(request: bytes, send: Send) -> None:
        asked.append(request)
        send(answer(b'{"type": "message", "content": [{"type": "text", "text": "ready"}]}'))

    asked: list[bytes] = []
    model = Model("tiny-byte", loaded=True, remote=False)

    with standin(behave) as url:
        runtime = Runtime("llama_cpp", url, "up", version="b1", messages_api=True, models=(model,))
        for _ in range(2):
            check_once(home, runtime, model)
        documents = with_checks([runtime.document()], home.read_json("checks.json"))
        other = with_checks([runtime._replace(version="b2").document()], home.read_json("checks.json"))

    assert len(asked) == 2
    told, untold = (mapping_of(entries_of(found[0], "models")[0], "checks") for found in (documents, other))
    assert (told["system_in_middle"], told["tool_call"], untold) == (True, False, {})
    assert runtime_from_document(documents[0]) == runtime
