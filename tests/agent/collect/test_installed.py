"""Models on the disk while their runtimes are down, and what the disk adds to those that are up."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from kirikae.collect import installed_ollama, runtimes
from kirikae.collect.full_report import add_installed, collect_full_report
from kirikae.collect.hugging_face import list_cached_models
from kirikae.collect.reading import Absent, Reading
from kirikae.collect.runtime_facts import Model, Runtime
from kirikae.engine.facts import report_from_document
from kirikae.home import Home

from tests.agent.gguf_writing import write_gguf
from tests.agent.standin import answer, routes, sample, standin

DIGEST = "e8ad13eff07a78d89926e9e8b882317d082ef5bf9768ad7b50fcdbbcd63748de"
CONFIG = "6819964c2bcf53f6dd3593f9571e91cbf2bab9665493f870f96eeb29873049b4"
GEMMA = {
    "general.architecture": "gemma3",
    "general.file_type": 15,
    "gemma3.block_count": 48,
    "gemma3.context_length": 131_072,
    "gemma3.attention.sliding_window": 1024,
}
CONFIG_JSON = {
    "model_type": "qwen3_next",
    "hidden_size": 2048,
    "num_hidden_layers": 48,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "head_dim": 256,
    "full_attention_interval": 4,
    "linear_num_value_heads": 32,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "num_experts": 512,
    "num_experts_per_tok": 10,
    "max_position_embeddings": 262_144,
    "quantization": {"group_size": 64, "bits": 4},
}


@pytest.fixture(autouse=True)
def empty_disk(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(installed_ollama, "SERVICE_FOLDER", tmp_path / "service")
    # The disk is told for the usual addresses, of which none is asked.
    monkeypatch.delenv("KIRIKAE_RUNTIMES_ONLY")
    monkeypatch.setattr(runtimes, "DEFAULT_URLS", ())
    return tmp_path


def no_command(_argv: Sequence[str]) -> Reading[str]:
    return Absent("command_missing")


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def ollama_model(disk: Path, name: str, *, manifest: Mapping[str, object] | None = None) -> None:
    document = manifest or json.loads(sample("ollama/disk_manifest_gemma3_12b.json"))
    write(disk / ".ollama/models/manifests" / name, json.dumps(document))


def installed(home: Home, kind: str, runtimes: tuple[Runtime, ...] = (), **options: object) -> Runtime:
    found = add_installed(runtimes, home, **({"run": no_command} | options))  # type: ignore[arg-type]  # one option
    return next(runtime for runtime in found if runtime.kind == kind)


def test_ollamas_models_are_read_while_it_is_down(home: Home, empty_disk: Path) -> None:
    ollama_model(empty_disk, "registry.ollama.ai/library/gemma3/12b")
    ollama_model(empty_disk, "registry.ollama.ai/somebody/tuned/latest")
    ollama_model(empty_disk, "hf.co/bartowski/gemma/q4")
    write_gguf(empty_disk / f".ollama/models/blobs/sha256-{DIGEST}", GEMMA)
    write(
        empty_disk / f".ollama/models/blobs/sha256-{CONFIG}",
        json.dumps({"model_format": "gguf", "model_type": "12.2B", "file_type": "Q4_K_M"}),
    )

    runtime = installed(home, "ollama")

    assert (runtime.state, runtime.base_url) == ("down", "http://127.0.0.1:11434")
    assert [model.name for model in runtime.models] == [
        "hf.co/bartowski/gemma:q4",
        "gemma3:12b",
        "somebody/tuned:latest",
    ]
    model = runtime.models[1]
    assert (model.quantization, model.format, model.parameters) == ("Q4_K_M", "gguf", 12_200_000_000)
    assert (model.size_bytes, model.max_context_tokens) == (490 + 8_149_180_896 + 358 + 8432 + 77, 131_072)
    assert (model.loaded, model.remote) == (False, False)
    assert model.geometry
    assert (model.geometry["full_layers"], model.geometry["sliding_layers"]) == (8, 40)


def test_a_stub_of_ollamas_cloud_is_remote_on_the_disk_too(home: Home, empty_disk: Path) -> None:
    ollama_model(empty_disk, "registry.ollama.ai/library/m/latest")
    write(empty_disk / f".ollama/models/blobs/sha256-{CONFIG}", sample("ollama/disk_config_blob_cloud_model.json"))

    assert [model.remote for model in installed(home, "ollama").models] == [True]


@pytest.mark.parametrize(
    "manifest",
    [
        {"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:../../../etc/passwd"}]},
        {"config": {"digest": 7}, "layers": "many"},
        {"layers": [{"size": -5}, {"size": 10**30}, 7]},
    ],
)
def test_an_odd_manifest_is_a_model_of_unknown_origin(
    home: Home, empty_disk: Path, manifest: dict[str, object]
) -> None:
    ollama_model(empty_disk, "registry.ollama.ai/library/odd/latest", manifest=manifest)

    assert [model.remote for model in installed(home, "ollama").models] == [None]


def test_sizes_that_are_absurd_together_are_unknown(home: Home, empty_disk: Path) -> None:
    ollama_model(empty_disk, "registry.ollama.ai/library/odd/latest", manifest={"layers": [{"size": 2**53 - 1}] * 3})

    assert [model.size_bytes for model in installed(home, "ollama").models] == [None]


def test_a_running_ollama_learns_the_shape_of_the_model_with_the_same_size(home: Home, empty_disk: Path) -> None:
    ollama_model(empty_disk, "registry.ollama.ai/library/gemma3/12b")
    write_gguf(empty_disk / f".ollama/models/blobs/sha256-{DIGEST}", GEMMA)
    size_bytes = 490 + 8_149_180_896 + 358 + 8432 + 77
    up = Runtime(
        "ollama", "http://127.0.0.1:11434", "up", models=(Model("gemma3:12b", size_bytes=size_bytes), Model("other"))
    )

    gemma, other = installed(home, "ollama", (up,)).models

    assert gemma.geometry
    assert gemma.geometry["layers"] == 48
    assert other.geometry is None


def test_lm_studios_folder_is_read_while_it_is_down(home: Home, empty_disk: Path) -> None:
    folder = empty_disk / ".lmstudio/models"
    write_gguf(folder / "lmstudio-community/gemma-GGUF/gemma-Q4_K_M.gguf", GEMMA)
    write(folder / "lmstudio-community/gemma-GGUF/mmproj-gemma.gguf", b"projector")
    first = write_gguf(folder / "big/model-GGUF/model-00001-of-00002.gguf", GEMMA, {"output.weight": [7]})
    second = write(folder / "big/model-GGUF/model-00002-of-00002.gguf", b"GGUF rest")
    write(folder / "mlx-community/next/config.json", json.dumps(CONFIG_JSON))
    write(folder / "broken/model/m.gguf", b"no header")

    runtime = installed(home, "lm_studio")

    models = {model.name: model for model in runtime.models}
    assert list(models) == ["big/model-GGUF", "broken/model", "lmstudio-community/gemma-GGUF", "mlx-community/next"]
    assert models["lmstudio-community/gemma-GGUF"].quantization == "Q4_K_M"
    big = models["big/model-GGUF"]
    assert (big.size_bytes, big.parameters) == (first.stat().st_size + second.stat().st_size, None)
    assert big.geometry
    assert "parameters" not in big.geometry
    assert (models["mlx-community/next"].format, models["mlx-community/next"].quantization) == ("mlx", "4bit")
    assert (models["broken/model"].geometry, models["broken/model"].size_bytes) == (None, 9)


def lms(answers: Mapping[str, bytes]) -> Callable[[Sequence[str]], Reading[str]]:
    def run(argv: Sequence[str]) -> Reading[str]:
        known = answers.get(argv[1])
        return known.decode() if known is not None else Absent("command_failed")

    return run


LS = sample("lmstudio/lms_ls.json")
OFF = sample("lmstudio/lms_link_status_disabled.json")


@pytest.fixture
def lms_tool(empty_disk: Path) -> None:
    tool = write(empty_disk / ".lmstudio/bin/lms", "#!/bin/sh\n")
    tool.chmod(0o755)


@pytest.mark.usefixtures("lms_tool")
def test_the_tool_lists_lm_studios_models_when_the_folder_is_elsewhere(home: Home) -> None:
    runtime = installed(home, "lm_studio", run=lms({"ls": LS}))

    (model,) = runtime.models
    assert (model.name, model.size_bytes) == ("lmstudio-community/gemma-3-4b-it-GGUF", 4_294_967_296)
    assert (model.quantization, model.max_context_tokens) == ("Q4_K_M", 131_072)


REMOTE_LS = LS.replace(b'"deviceIdentifier": null', b'"deviceIdentifier": "another-mac"')


@pytest.mark.usefixtures("lms_tool")
@pytest.mark.parametrize(
    ("answers", "remote"),
    [
        ({"ls": LS, "link": OFF}, False),
        ({"ls": LS, "link": b'{"status": "online"}'}, None),
        ({"ls": LS, "link": b"not json"}, None),
        ({"ls": LS}, None),
        ({"ls": REMOTE_LS, "link": OFF}, True),
        ({"ls": b"[]", "link": OFF}, None),
        ({"link": OFF}, None),
    ],
)
def test_a_model_of_lm_studio_is_local_only_while_its_link_is_off(
    home: Home, answers: Mapping[str, bytes], remote: bool | None
) -> None:
    model = Model("lmstudio-community/gemma-3-4b-it-GGUF", remote=False)
    up = Runtime("lm_studio", "http://127.0.0.1:1234", "up", models=(model,))

    assert installed(home, "lm_studio", (up,), run=lms(answers)).models[0].remote is remote


def test_without_the_tool_lm_studios_models_are_of_unknown_origin(home: Home) -> None:
    up = Runtime("lm_studio", "http://127.0.0.1:1234", "up", models=(Model("m", remote=False),))

    assert installed(home, "lm_studio", (up,)).models[0].remote is None


def cached_model(disk: Path, name: str, config: Mapping[str, object]) -> Path:
    folder = disk / ".cache/huggingface/hub" / name
    write(folder / "refs/main", "0123abc")
    snapshot = folder / "snapshots/0123abc"
    write(snapshot / "config.json", json.dumps(config))
    write(snapshot / "tokenizer_config.json", "{}")
    write(snapshot / "model-00001-of-00002.safetensors", (2).to_bytes(8, "little") + b"{}" + b"x" * 90)
    write(snapshot / "model-00002-of-00002.safetensors", b"x" * 100)
    write(snapshot / "model.safetensors.index.json", '{"metadata": {"total_parameters": 79674391296}}')
    return snapshot


def test_mlx_models_of_the_hugging_face_cache_are_listed(home: Home, empty_disk: Path) -> None:
    cached_model(empty_disk, "models--mlx-community--Qwen3-Coder-Next-4bit", CONFIG_JSON)
    cached_model(empty_disk, "models--google--bert", {"model_type": "bert", "num_hidden_layers": 12})
    write(empty_disk / ".cache/huggingface/hub/models--half--downloaded/refs/main", "../../../etc")

    runtime = installed(home, "mlx_lm")

    (model,) = runtime.models
    assert (model.name, model.quantization, model.size_bytes) == ("mlx-community/Qwen3-Coder-Next-4bit", "4bit", 200)
    assert (model.parameters, model.max_context_tokens, model.remote) == (79_674_391_296, 262_144, False)
    assert model.geometry == {
        "architecture": "qwen3_next",
        "layers": 48,
        "hidden_size": 2048,
        "heads": 16,
        "kv_heads": 2,
        "head_dim": 256,
        "full_layers": 12,
        "sliding_layers": 0,
        "linear_layers": 36,
        "linear_state_bytes": 36 * 32 * 128 * 128 * 4,
        "experts": 512,
        "experts_used": 10,
        "context_tokens": 262_144,
    }


def test_a_pipe_in_the_hugging_face_cache_is_not_waited_for(home: Home, empty_disk: Path) -> None:
    cached_model(empty_disk, "models--mlx-community--Qwen3-Coder-Next-4bit", CONFIG_JSON)
    commit = empty_disk / ".cache/huggingface/hub/models--mlx-community--Qwen3-Coder-Next-4bit/refs/main"
    commit.unlink()
    os.mkfifo(commit)

    assert list_cached_models() == ()


def test_an_address_where_something_else_answers_is_not_told_twice(home: Home, empty_disk: Path) -> None:
    cached_model(empty_disk, "models--mlx-community--m", CONFIG_JSON)
    other = Runtime("llama_cpp", "http://127.0.0.1:8080", "up")

    found = add_installed((other,), home, run=no_command)

    assert [runtime.base_url for runtime in found] == ["http://127.0.0.1:8080"]


def test_a_llama_server_has_the_shape_of_the_file_that_it_names(home: Home, empty_disk: Path) -> None:
    path = write_gguf(empty_disk / "m.gguf", GEMMA)
    props = answer(json.dumps({"model_path": str(path)}).encode())
    with standin(routes({"/props": props})) as url:
        up = Runtime("llama_cpp", url, "up", models=(Model("m", size_bytes=1),))
        (model,) = installed(home, "llama_cpp", (up,)).models

    assert model.geometry
    assert model.geometry["layers"] == 48


def test_headers_are_read_once(home: Home, empty_disk: Path) -> None:
    ollama_model(empty_disk, "registry.ollama.ai/library/gemma3/12b")
    write_gguf(empty_disk / f".ollama/models/blobs/sha256-{DIGEST}", GEMMA)
    first = installed(home, "ollama")
    kept = home.read_json("shapes.json")
    for model in kept.values():
        assert isinstance(model, dict)
        model["quantization"] = "from the file that was kept"
    home.write_json("shapes.json", kept)

    again = installed(home, "ollama")

    assert first.models[0].geometry == again.models[0].geometry
    assert again.models[0].quantization == "from the file that was kept"


def test_one_who_limits_runtimes_to_those_named_is_told_of_no_disk(
    home: Home, empty_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ollama_model(empty_disk, "registry.ollama.ai/library/gemma3/12b")
    monkeypatch.setenv("KIRIKAE_RUNTIMES_ONLY", "1")

    assert add_installed((), home, run=no_command) == ()
    monkeypatch.setenv("KIRIKAE_RUNTIMES", installed_ollama.DEFAULT_URL)
    assert [runtime.kind for runtime in add_installed((), home, run=no_command)] == ["ollama"]


def test_a_full_report_with_models_of_the_disk_is_one_that_the_engine_reads(home: Home, empty_disk: Path) -> None:
    ollama_model(empty_disk, "registry.ollama.ai/library/gemma3/12b")
    write_gguf(empty_disk / f".ollama/models/blobs/sha256-{DIGEST}", GEMMA)
    folder = empty_disk / ".lmstudio/models/somebody/twice"
    write_gguf(folder / "a.gguf", GEMMA)
    write_gguf(folder / "b.gguf", GEMMA)

    report = report_from_document(collect_full_report(home))

    kinds = {str(runtime.kind): runtime for runtime in report.runtimes}
    assert kinds["ollama"].models[0].geometry is not None
    assert [model.name for model in kinds["lm_studio"].models] == ["somebody/twice"]
