"""LM Studio, mlx_lm.server and oMLX: known by what they answer, local only when all of it fits."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from kirikae.collect.lm_studio import parse_models, parse_older_models
from kirikae.collect.runtime_facts import Model, Runtime
from kirikae.collect.runtimes import probe_runtime
from kirikae.errors import PreflightError
from kirikae.launching.preflight import Preflight, check_runtime

from tests.agent.standin import Behaviour, answer, routes, sample, standin

PYTHON = {"Server": "BaseHTTP/0.6 Python/3.13.5"}
# LM Studio answers a route that it does not have with 200 and a sentence.
UNKNOWN_ROUTE = answer(b'{"error":"Unexpected endpoint or method. (GET /x)"}')
LM_STUDIO_LIST = answer(sample("lmstudio/api_v1_models.json"))
EMPTY_MESSAGES = answer(b'{"type":"error","error":{"type":"invalid_request_error"}}', status="400 Bad Request")


def probe(behave: Behaviour, *, known: Runtime | None = None) -> Runtime:
    with standin(behave) as url:
        runtime = probe_runtime(url, deadline=time.monotonic() + 2, known=known)
    assert runtime is not None
    return runtime


def lm_studio(**more: bytes) -> Behaviour:
    table = {"/v1/models": answer(b'{"object":"list","data":[]}'), "/api/v1/models": LM_STUDIO_LIST}
    return routes(table | {path.replace("__", "/"): body for path, body in more.items()}, otherwise=UNKNOWN_ROUTE)


def mlx_lm(
    *, listing: bytes | None = None, headers: Mapping[str, str] = PYTHON, health: bytes | None = None
) -> Behaviour:
    table = {
        "/v1/models": answer(sample("mlx_lm/v1_models.json") if listing is None else listing, headers=headers),
        "/health": answer(sample("mlx_lm/health.json") if health is None else health, headers=headers),
    }
    return routes(table, otherwise=answer(b"Not Found", status="404 Not Found", headers=headers))


def test_lm_studio_is_read_with_the_context_of_its_loaded_model() -> None:
    runtime = probe(lm_studio(__v1__messages=EMPTY_MESSAGES))

    assert (runtime.kind, runtime.state, runtime.messages_api) == ("lm_studio", "up", True)
    loaded, other = runtime.models
    assert (loaded.name, loaded.quantization, loaded.format) == ("google/gemma-4-26b-a4b", "Q4_K_M", "gguf")
    assert (loaded.loaded, loaded.effective_context_tokens, loaded.max_context_tokens) == (True, 4096, 262_144)
    assert (loaded.parameters, loaded.size_bytes) == (26_000_000_000, 17_990_911_801)
    assert (loaded.tools, loaded.vision) == (True, True)
    assert (other.name, other.loaded, other.effective_context_tokens) == ("deepseek-r1", False, None)


def test_a_model_of_lm_studio_is_of_unknown_origin_by_its_list_alone() -> None:
    assert {model.remote for model in probe(lm_studio()).models} == {None}


@pytest.mark.parametrize(("state", "remote"), [("up", False), ("down", None)])
def test_the_origin_found_by_the_last_report_holds_while_lm_studio_ran(state: str, remote: bool | None) -> None:
    known = Runtime("lm_studio", "http://127.0.0.1:1234", state, models=(Model("deepseek-r1", remote=False),))

    models = {model.name: model.remote for model in probe(lm_studio(), known=known).models}

    assert models == {"google/gemma-4-26b-a4b": None, "deepseek-r1": remote}


def test_the_smallest_context_of_several_instances_holds() -> None:
    instances = [{"config": {"context_length": size}} for size in (32_768, 8192)]

    (model,) = parse_models({"models": [{"key": "m", "type": "llm", "loaded_instances": instances}]})

    assert model.effective_context_tokens == 8192


def test_an_older_lm_studio_lists_models_without_sizes_and_speaks_no_messages() -> None:
    older = routes(
        {"/v1/models": answer(b'{"data":[]}'), "/api/v0/models": answer(sample("lmstudio/api_v0_models.json"))},
        otherwise=UNKNOWN_ROUTE,
    )

    runtime = probe(older)

    assert (runtime.kind, runtime.messages_api) == ("lm_studio", False)
    assert [(model.name, model.format, model.quantization, model.vision) for model in runtime.models] == [
        ("qwen2-vl-7b-instruct", "mlx", "4bit", True),
        ("meta-llama-3.1-8b-instruct", "gguf", "Q4_K_M", False),
    ]
    loaded = {"id": "m", "compatibility_type": "gguf", "state": "loaded", "loaded_context_length": 4096}
    assert parse_older_models({"data": [loaded]})[0].effective_context_tokens == 4096


def test_mlx_lm_is_read_without_the_folder_of_its_model() -> None:
    runtime = probe(mlx_lm())

    assert (runtime.kind, runtime.state, runtime.messages_api) == ("mlx_lm", "up", False)
    (model,) = runtime.models
    assert (model.name, model.loaded, model.remote) == ("tinymlx", True, False)


@pytest.mark.parametrize("listing", [b"", b"{"])
def test_mlx_lm_without_a_cache_folder_is_up_with_an_unknown_list(listing: bytes) -> None:
    """It sends the head and breaks off."""
    broken_off = mlx_lm(listing=b"")

    def behave(request: bytes, send: object) -> None:
        if b"/v1/models" in request and listing:
            return  # closes without an answer
        broken_off(request, send)  # type: ignore[arg-type]  # the callback of the stand-in

    runtime = probe(behave)

    assert (runtime.kind, runtime.state, runtime.models) == ("mlx_lm", "up", ())


ENTRY = {"id": "org/name", "object": "model", "created": 1}


@pytest.mark.parametrize(
    "behave",
    [
        mlx_lm(headers={"Server": "uvicorn"}),
        mlx_lm(health=b'{"status":"ok","version":"1"}'),
        mlx_lm(health=b"ok"),
        mlx_lm(listing=json.dumps({"data": [ENTRY | {"owned_by": "somebody"}]}).encode()),
    ],
)
def test_a_server_that_answers_only_some_of_it_so_may_be_remote(behave: Behaviour) -> None:
    runtime = probe(behave)

    assert runtime.kind == "openai_compatible"
    assert {model.remote for model in runtime.models} == {None}


OMLX = {
    "/v1/models": answer(sample("omlx/v1_models.json")),
    "/v1/models/status": answer(sample("omlx/v1_models_status.json")),
    "/api/status": answer(sample("omlx/api_status.json")),
}


def test_omlx_is_read_with_sizes_and_memory() -> None:
    runtime = probe(routes(OMLX))

    assert (runtime.kind, runtime.version, runtime.messages_api) == ("omlx", "0.3.6", True)
    own, relayed = runtime.models
    assert (own.name, own.format, own.size_bytes, own.memory_bytes) == (
        "Qwen3-Coder-Next-4bit",
        "mlx",
        44_800_000_000,
        45_900_000_000,
    )
    assert (own.loaded, own.effective_context_tokens, own.remote) == (True, 65_536, False)
    assert relayed.remote is None


def test_omlx_behind_a_key_for_its_status_has_models_of_unknown_origin() -> None:
    runtime = probe(routes({"/v1/models": OMLX["/v1/models"]}))

    assert (runtime.kind, runtime.version) == ("omlx", None)
    assert {model.remote for model in runtime.models} == {None}


def test_a_runtime_that_stopped_keeps_its_models_unloaded() -> None:
    with standin(routes(OMLX)) as url:
        running = probe_runtime(url, deadline=time.monotonic() + 2)
    assert running is not None

    stopped = probe_runtime(url, deadline=time.monotonic() + 2, known=running)

    assert stopped is not None
    assert (stopped.kind, stopped.state, stopped.version) == ("omlx", "down", "0.3.6")
    own = running.models[0]
    assert stopped.models[0] == own._replace(loaded=False, effective_context_tokens=None, memory_bytes=None)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("link", "refused"), [("offline", None), ("online", "run.model_remote"), (None, "run.model_remote")]
)
def test_a_launch_asks_anew_whether_lm_studios_link_is_off(
    link: str | None, refused: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the last report found may be hours old; without the tool nothing is known."""
    listed = json.dumps([{"modelKey": "google/gemma-4-26b-a4b", "deviceIdentifier": None}])
    tool = tmp_path / "bin" / "lms"
    tool.parent.mkdir()
    monkeypatch.setenv("PATH", f"{tool.parent}:/bin:/usr/bin")
    if link is not None:
        tool.write_text(f"""#!/bin/sh\ncase $1 in ls) echo '{listed}';; link) echo '{{"status": "{link}"}}';; esac\n""")
        tool.chmod(0o755)

    with standin(lm_studio(__v1__messages=EMPTY_MESSAGES)) as url:
        document = {"runtime": {"base_url": url}, "model": {"name": "google/gemma-4-26b-a4b"}, "context": {}}
        try:
            check_runtime(Preflight(), document)
            code = None
        except PreflightError as error:
            code = error.code

    assert code == refused
