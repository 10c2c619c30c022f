"""Runtimes by content: recorded answers, and servers that misbehave."""

import json
import threading
import time
from collections.abc import Callable, Sequence

import pytest
from kirikae.collect import runtimes
from kirikae.collect.ollama import add_details, parse_models
from kirikae.collect.runtime_facts import Model, Runtime, parse_parameters
from kirikae.collect.runtimes import configured_urls, find_runtimes, probe_runtime
from kirikae.errors import UsageError

from tests.agent import standin as servers
from tests.agent.standin import Behaviour, answer, routes, sample, standin

LLAMA = {"Server": "llama.cpp"}
OLLAMA = routes(
    {
        "/api/version": answer(sample("ollama/api_version.json")),
        "/api/tags": answer(sample("ollama/api_tags.json")),
        "/api/ps": answer(sample("ollama/api_ps.json")),
        "/api/show": answer(sample("ollama/api_show.json")),
    }
)
LLAMA_CPP = routes(
    {
        "/v1/models": answer(sample("llamacpp/v1_models.json"), headers=LLAMA),
        "/props": answer(sample("llamacpp/props.json"), headers=LLAMA),
        "/v1/messages/count_tokens": answer(b'{"input_tokens":4}', headers=LLAMA),
    }
)
# As long as a busy machine may need; who answers ends the wait.
PATIENCE_S = 30.0


def probe(behave: Behaviour, *, known: Runtime | None = None, budget_s: float = PATIENCE_S) -> Runtime | None:
    with standin(behave) as url:
        return probe_runtime(url, deadline=time.monotonic() + budget_s, known=known)


def find(*urls: str, known: Sequence[Runtime] = (), skip: str | None = None) -> dict[str, str]:
    """States by address, of these and no others."""
    environment = {"KIRIKAE_RUNTIMES": ",".join(urls), "KIRIKAE_RUNTIMES_ONLY": "1"}
    found = find_runtimes(budget_s=PATIENCE_S, known=known, skip=skip, environment=environment)
    return {runtime.base_url: runtime.state for runtime in found}


def tags(name: str = "ollama/api_tags_with_cloud_models.json") -> object:
    return json.loads(sample(name))


def test_llama_server_is_read_from_its_recording() -> None:
    runtime = probe(LLAMA_CPP)

    assert runtime is not None
    assert (runtime.kind, runtime.state, runtime.version) == ("llama_cpp", "up", "b1-7e4c0a9")
    assert runtime.messages_api is True
    (model,) = runtime.models
    assert (model.name, model.quantization, model.effective_context_tokens) == ("tiny-byte", "F16", 4096)
    assert (model.remote, model.tools, model.loaded) == (False, None, True)


def test_llama_server_is_loading_while_it_answers_503() -> None:
    loading = answer(sample("llamacpp/health_loading_503.json"), status="503 Service Unavailable", headers=LLAMA)

    runtime = probe(routes({}, otherwise=loading))

    assert runtime is not None
    assert (runtime.kind, runtime.state, runtime.models) == ("llama_cpp", "loading", ())


def test_llama_server_behind_a_key_still_lists_its_model() -> None:
    denied = answer(sample("llamacpp/error_401_no_key.json"), status="401 Unauthorized", headers=LLAMA)
    listing = answer(sample("llamacpp/v1_models.json"), headers=LLAMA)

    runtime = probe(routes({"/v1/models": listing}, otherwise=denied))

    assert runtime is not None
    assert (runtime.state, runtime.version, runtime.messages_api) == ("up", None, None)
    assert runtime.models[0].effective_context_tokens == 4096


def test_a_model_named_by_its_path_loses_the_folders() -> None:
    listing = json.dumps({"data": [{"id": "/Users/dev/secret-client/m.gguf", "meta": {}}]}).encode()

    runtime = probe(routes({"/v1/models": answer(listing, headers=LLAMA)}))

    assert runtime is not None
    assert runtime.models[0].name == "m.gguf"


def test_ollama_is_read_with_its_loaded_model() -> None:
    runtime = probe(OLLAMA)

    assert runtime is not None
    assert (runtime.kind, runtime.version, runtime.messages_api) == ("ollama", "0.12.6", False)
    (model,) = runtime.models
    assert (model.name, model.quantization, model.size_bytes) == ("gemma4", "Q4_K_M", 9608350245)
    assert (model.loaded, model.effective_context_tokens, model.max_context_tokens) == (True, 4096, 8192)
    assert (model.memory_bytes, model.parameters) == (6591830464, 8030261248)
    assert (model.remote, model.vision, model.tools) == (False, True, False)


def test_details_that_never_change_come_from_the_last_report() -> None:
    known = Runtime(
        "ollama",
        "http://127.0.0.1:1",
        "up",
        models=(Model("gemma4", size_bytes=9608350245, max_context_tokens=77, remote=False, tools=True),),
    )

    runtime = probe(OLLAMA, known=known)

    assert runtime is not None
    assert (runtime.models[0].max_context_tokens, runtime.models[0].tools) == (77, True)


def test_cloud_models_of_ollama_are_remote() -> None:
    models = {model.name: model.remote for model in parse_models(tags(), {})}

    assert models == {
        "gpt-oss:20b": False,
        "qwen3-vl:235b-cloud": True,
        "kimi-k2.6:cloud": True,
        "vr-test:latest": True,
    }


@pytest.mark.parametrize("entry", [{"name": "m"}, {"name": "m", "size": 400}, {"name": "m", "size": "9999999"}])
def test_a_model_of_unknown_origin_is_neither_local_nor_remote(entry: dict[str, object]) -> None:
    (model,) = parse_models({"models": [entry]}, {})

    assert model.remote is None


def test_a_remote_host_told_only_by_show_makes_the_model_remote() -> None:
    model = add_details(Model("m", remote=False), json.loads(sample("ollama/api_show_cloud.json")))

    assert model.remote is True


def test_a_loaded_model_of_an_old_ollama_has_no_known_context() -> None:
    running = json.loads(sample("ollama/api_ps_old_no_context_length.json"))

    (model,) = parse_models({"models": [{"name": "mistral:latest", "size": 5137025024}]}, running)

    assert (model.loaded, model.effective_context_tokens) == (True, None)


@pytest.mark.parametrize(
    ("text", "count"), [("8.0B", 8_000_000_000), ("270M", 270_000_000), ("many", None), (None, None)]
)
def test_parameter_sizes_are_numbers(text: str | None, count: int | None) -> None:
    assert parse_parameters(text) == count


def test_an_unknown_server_with_a_model_list_may_be_remote() -> None:
    runtime = probe(routes({"/v1/models": answer(sample("mlx_lm/v1_models.json"))}))

    assert runtime is not None
    assert (runtime.kind, runtime.state) == ("openai_compatible", "up")
    assert [model.remote for model in runtime.models] == [None]


def test_a_web_server_on_the_port_is_no_runtime() -> None:
    assert probe(routes({})) is None


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (servers.garbage, "garbage"),
        (servers.deep_nesting, "garbage"),
        (routes({}, otherwise=answer(b"<html>")), "garbage"),
        (servers.hang, "timeout"),
        (servers.drip, "timeout"),
        (servers.promise_a_gigabyte, "too_large"),
        (servers.pour_without_length, "too_large"),
        (servers.redirect, "redirected"),
        (routes({}, otherwise=answer(b"", status="500 Internal Server Error")), "http_error"),
    ],
)
def test_a_misbehaving_server_is_broken_with_its_reason(behave: Behaviour, reason: str) -> None:
    """Only what would never end is cut off by time; all else is seen in what the server says, however late."""
    runtime = probe(behave, budget_s=0.3 if reason == "timeout" else PATIENCE_S)

    assert runtime is not None
    assert (runtime.state, runtime.reason) == ("broken", reason)


def test_a_broken_listing_behind_a_good_version_breaks_that_ollama() -> None:
    runtime = probe(routes({"/api/version": answer(b'{"version":"0.20.1"}'), "/api/tags": answer(b"{")}))

    assert runtime is not None
    assert (runtime.state, runtime.reason) == ("broken", "garbage")


def test_a_server_that_keeps_its_answer_back_does_not_hold_the_others() -> None:
    """It answers once the other has answered its last question: asked one after the other, neither would be heard."""
    other_is_read = threading.Event()

    def wait_for_the_other(request: bytes, send: Callable[[bytes], None]) -> None:
        other_is_read.wait(PATIENCE_S)
        OLLAMA(request, send)

    def tell(request: bytes, send: Callable[[bytes], None]) -> None:
        OLLAMA(request, send)
        if b" /api/ps " in request:
            other_is_read.set()

    with standin(wait_for_the_other) as slow, standin(tell) as quick:
        found = find(slow, quick)

    assert found == {slow: "up", quick: "up"}


def test_a_named_address_that_refuses_is_down() -> None:
    with standin(OLLAMA) as url:
        pass

    assert find(url) == {url: "down"}


def test_the_usual_ports_are_asked_without_being_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with standin(OLLAMA) as url:
        monkeypatch.setattr(runtimes, "DEFAULT_URLS", (url,))

        found = find_runtimes(budget_s=PATIENCE_S, environment={})

    assert [(runtime.base_url, runtime.kind, runtime.state) for runtime in found] == [(url, "ollama", "up")]
    assert set(runtimes.DEFAULT_PORTS) == {11434, 1234, 8080, 8000, 1337}


def test_one_may_limit_this_to_what_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with standin(OLLAMA) as usual, standin(OLLAMA) as last, standin(OLLAMA) as named:
        monkeypatch.setattr(runtimes, "DEFAULT_URLS", (usual,))

        assert find(named, known=[Runtime("ollama", last, "up")]) == {named: "up"}


def test_names_that_the_wire_refuses_are_left_out() -> None:
    listing = {"models": [{"name": "a\u0000b"}, {"name": "\ud800"}, {"name": "x" * 301}, {"name": 5}, {"name": "ok"}]}

    assert [model.name for model in parse_models(listing, {})] == ["ok"]


@pytest.mark.parametrize("url", ["http://10.0.0.5:8080", "http://example.com", "http://127.0.0.1.nip.io:80"])
def test_an_address_off_this_machine_is_refused_unless_allowed(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        configured_urls({"KIRIKAE_RUNTIMES": url})

    assert caught.value.code == "runtimes.not_loopback"
    assert configured_urls({"KIRIKAE_RUNTIMES": url, "KIRIKAE_RUNTIMES_ALLOW_REMOTE": "1"}) == (url,)


def test_localhost_and_its_address_are_one_runtime() -> None:
    assert configured_urls({"KIRIKAE_RUNTIMES": "localhost:9001, http://127.0.0.1:9001"}) == ("http://127.0.0.1:9001",)


def test_the_portals_own_address_is_not_asked() -> None:
    with standin(OLLAMA) as url:
        assert find(url, skip=url.replace("127.0.0.1", "localhost")) == {}
