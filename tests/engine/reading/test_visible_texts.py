"""What machines say is read by people: no text of theirs steers a terminal or turns letters round."""

from copy import deepcopy
from typing import Any

import pytest

from routing.engine.errors import WireError
from routing.engine.facts import benchmarks_from_document, report_from_document

REPORT: dict[str, Any] = {
    "schema": 1,
    "agent_version": "0.1.0",
    "collected_at": "2026-11-25T09:00:00Z",
    "hardware": {"platform": "darwin", "os_version": "15.1", "model": "Mac16,8", "chip": "Apple M4 Pro"},
    "runtimes": [
        {
            "kind": "ollama",
            "base_url": "http://127.0.0.1:11434",
            "state": "up",
            "version": "0.30.1",
            "models": [
                {
                    "name": "日本語\u3000モデル:7b",
                    "quantization": "Q4_K_M",
                    "format": "gguf",
                    "geometry": {"architecture": "qwen3"},
                    "checks": {"runtime_version": "0.30.1"},
                }
            ],
        }
    ],
    "absences": [{"field": "gpu_cores", "code": "not_told"}],
}
BENCHMARKS: dict[str, Any] = {
    "benchmarks": [
        {
            "runtime": "ollama", "runtime_version": "0.30.1", "model": "qwen3-coder:30b", "quantization": "Q4_K_M",
            "depth_tokens": 512, "prompt_tokens_per_s": 700, "decode_tokens_per_s": 60, "runs": 3,
            "method": "kirikae-1", "measured_at": "2026-11-24T09:00:00Z",
        }
    ]
}  # fmt: skip
RUNTIME = ("runtimes", 0)
MODEL = (*RUNTIME, "models", 0)
RUN = ("benchmarks", 0)
HIDDEN = ["\u202e", "\u200b", "\x1b[2J", "\n", "\x7f", "\u2066"]


def changed(document: dict[str, Any], place: tuple[str | int, ...], hidden: str) -> dict[str, Any]:
    document = deepcopy(document)
    inner: Any = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = f"{inner[place[-1]][:12]}{hidden}x"
    return document


def test_visible_texts_are_taken_in_any_script() -> None:
    assert report_from_document(REPORT).runtimes[0].models[0].name == "日本語\u3000モデル:7b"
    assert benchmarks_from_document(BENCHMARKS)[0].model == "qwen3-coder:30b"


@pytest.mark.parametrize("hidden", HIDDEN, ids=ascii)
@pytest.mark.parametrize(
    "place",
    [
        ("agent_version",),
        *(("hardware", key) for key in ("os_version", "model", "chip")),
        (*RUNTIME, "version"),
        (*RUNTIME, "base_url"),
        *((*MODEL, key) for key in ("name", "quantization", "format")),
        (*MODEL, "geometry", "architecture"),
        (*MODEL, "checks", "runtime_version"),
        ("absences", 0, "field"),
        ("absences", 0, "code"),
    ],
    ids=lambda place: str(place[-1]),
)
def test_a_report_with_hidden_characters_is_refused_and_they_are_not_quoted(place: Any, hidden: str) -> None:
    with pytest.raises(WireError) as refused:
        report_from_document(changed(REPORT, place, hidden))

    assert refused.value.field.endswith(str(place[-1]))
    assert refused.value.detail.isprintable()


@pytest.mark.parametrize("hidden", HIDDEN, ids=ascii)
@pytest.mark.parametrize("key", ["runtime_version", "model", "quantization", "method"])
def test_a_run_with_hidden_characters_is_refused_and_they_are_not_quoted(key: str, hidden: str) -> None:
    with pytest.raises(WireError) as refused:
        benchmarks_from_document(changed(BENCHMARKS, (*RUN, key), hidden))

    assert refused.value.field == f"benchmarks[0].{key}"
    assert refused.value.detail.isprintable()
