"""The collectors and the benchmark against a real mlx_lm.server with a tiny generated model."""

import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from kirikae.bench.conditions import Conditions
from kirikae.bench.measuring import measure_model
from kirikae.bench.series import MIN_RUNS
from kirikae.collect.full_report import add_installed
from kirikae.collect.reading import Absent
from kirikae.collect.runtime_facts import Runtime
from kirikae.collect.runtimes import probe_runtime
from kirikae.engine.facts import benchmarks_from_document
from kirikae.home import Home

from tests.runtimes.mlx_server import running_mlx_server

pytestmark = [pytest.mark.slow, pytest.mark.where("mlx")]
CACHED = "models--kirikae--tiny"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face cache with the model as `kirikae/tiny`."""
    from tests.runtimes.tiny_mlx import write_tiny_mlx

    hub = tmp_path_factory.mktemp("mlx") / "hub"
    write_tiny_mlx(hub / CACHED / "snapshots" / "0123abc")
    (hub / CACHED / "refs").mkdir()
    (hub / CACHED / "refs" / "main").write_text("0123abc")
    return hub


@pytest.fixture(scope="module")
def server(cache: Path) -> Iterator[str]:
    with running_mlx_server("--model", str(cache / CACHED / "snapshots" / "0123abc"), cache=cache) as url:
        yield url


def probe(url: str) -> Runtime:
    runtime = probe_runtime(url, deadline=time.monotonic() + 5)
    assert runtime is not None
    return runtime


def test_it_is_found_with_the_model_that_it_was_started_with(server: str) -> None:
    runtime = probe(server)

    assert (runtime.kind, runtime.state, runtime.messages_api) == ("mlx_lm", "up", False)
    loaded = next(model for model in runtime.models if model.loaded)
    assert (loaded.name, loaded.format, loaded.quantization) == ("0123abc", "mlx", "float16")
    assert (loaded.remote, loaded.max_context_tokens) == (False, 32_768)
    assert loaded.geometry
    assert (loaded.geometry["layers"], loaded.geometry["kv_heads"], loaded.geometry["head_dim"]) == (2, 1, 32)


def test_the_model_of_the_cache_is_listed_with_its_size(
    server: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))

    cached = next(model for model in probe(server).models if model.name == "kirikae/tiny")

    weights = cache / CACHED / "snapshots" / "0123abc" / "model.safetensors"
    assert (cached.size_bytes, cached.loaded) == (weights.stat().st_size, False)
    assert cached.parameters
    assert cached.parameters > 100_000


def test_the_same_model_is_listed_while_the_server_is_down(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HOME", str(tmp_path))

    found = add_installed((), Home(tmp_path), run=lambda _argv: Absent("command_missing"))

    assert [(one.kind, one.state, [model.name for model in one.models]) for one in found] == [
        ("mlx_lm", "down", ["kirikae/tiny"])
    ]


def test_a_server_without_a_cache_folder_is_up_with_an_unknown_list(cache: Path, tmp_path: Path) -> None:
    model = cache / CACHED / "snapshots" / "0123abc"
    with running_mlx_server("--model", str(model), cache=tmp_path / "none") as url:
        runtime = probe(url)

    assert (runtime.kind, runtime.state, runtime.models) == ("mlx_lm", "up", ())


def test_it_is_measured_by_the_clock(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kirikae.bench.series.DEPTH_TIME_S", 1.0)
    runtime = probe(server)
    model = next(model for model in runtime.models if model.loaded)._replace(max_context_tokens=1024)

    outcome = measure_model(runtime, model, conditions=lambda: Conditions(memory_pressure="normal"))

    (benchmark,) = benchmarks_from_document({"benchmarks": outcome.benchmarks})
    assert (benchmark.depth_tokens, benchmark.runtime_version, benchmark.model) == (512, version("mlx-lm"), "0123abc")
    assert benchmark.runs >= MIN_RUNS
    assert benchmark.decode_tokens_per_s > 1
    assert benchmark.first_token_s
