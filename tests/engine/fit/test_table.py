"""The table of what a Mac can run, and how models are found by the names that runtimes give them."""

import json
from pathlib import Path
from typing import Any

import pytest

from routing.engine.facts import RuntimeKind
from routing.engine.fit.catalogue import Catalogue, CatalogueModel, catalogue_text, read_model
from routing.engine.fit.estimate import Verdict
from routing.engine.fit.quantization import quantization_in
from routing.engine.fit.table import FitRow, Question, list_fit, row_document
from routing.engine.policy.values import ModelRules
from routing.engine.reading.shapes import ObjectReader, Problems
from tests.engine.conftest import facts_from
from tests.engine.fit.models import mac

ROWS: list[dict[str, Any]] = json.loads((Path("routing") / "data" / "models.json").read_text())["models"]


def read(row: dict[str, Any]) -> CatalogueModel:
    return read_model(ObjectReader(row, path="", problems=Problems()))


FLAGSHIP = "qwen3-coder-next"
CATALOGUE = Catalogue(catalogue_text([read(row) for row in ROWS]))


def rows_of(memory_gb: int, *, gguf_runtime: RuntimeKind = RuntimeKind.LLAMA_CPP, **facts: Any) -> list[FitRow]:
    known = facts_from(**facts) if facts else None
    question = Question(context_tokens=32_768, gguf_runtime=gguf_runtime)
    return list_fit(mac(memory_gb=memory_gb), CATALOGUE, question, facts=known)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("qwen3-coder:30b", "qwen3-coder-30b"),
        ("qwen3-coder:30b-a3b-q8_0", "qwen3-coder-30b"),
        ("Qwen3-Coder-30B-A3B-Instruct-Q4_K_M.gguf", "qwen3-coder-30b"),
        ("mlx-community/Qwen3-Coder-Next-4bit", "qwen3-coder-next"),
        ("unsloth/Qwen3-Coder-Next-GGUF:UD-Q4_K_XL", "qwen3-coder-next"),
        ("gpt-oss:20b", "gpt-oss-20b"),
        ("gemma-3-27b-it-Q4_K_M.gguf", "gemma-3-27b"),
        ("llama3.1:8b", "llama-3.1-8b"),
    ],
)
def test_a_model_is_found_by_the_name_that_a_runtime_gives_it(name: str, found: str) -> None:
    model = CATALOGUE.find(name)

    assert model is not None
    assert model.name == found


@pytest.mark.parametrize("name", ["qwen3-8b-abliterated", "my-own-model", "", "qwen3", "../../etc/passwd"])
def test_another_model_is_not_taken_for_a_known_one(name: str) -> None:
    assert CATALOGUE.find(name) is None


def test_a_text_that_is_no_catalogue_knows_no_model() -> None:
    assert Catalogue("{").models == ()
    assert Catalogue("[" * 100_000).models == ()
    assert Catalogue('{"models": [1, {"name": 2}], "fleet": [[]]}').fleet == ()


def test_a_catalogue_survives_the_way_through_its_text() -> None:
    assert CATALOGUE.models == Catalogue(catalogue_text(CATALOGUE.models)).models


def test_what_fits_comes_first() -> None:
    verdicts = [row.estimate.verdict for row in rows_of(32)]

    assert verdicts == sorted(verdicts, key=[Verdict.FITS, Verdict.TIGHT, Verdict.UNKNOWN, Verdict.TOO_LARGE].index)


def test_a_64_gb_mac_runs_the_flagship_and_a_32_gb_mac_does_not() -> None:
    large, small = (
        {row.quantization: row.estimate.verdict for row in rows_of(memory) if row.name == "qwen3-coder-next"}
        for memory in (64, 32)
    )

    assert large["MLX-4bit"] is Verdict.FITS
    assert small["MLX-4bit"] is Verdict.TOO_LARGE


def test_ollamas_own_file_counts_where_ollama_runs_it() -> None:
    found = {
        runtime: next(
            row for row in rows_of(128, gguf_runtime=runtime) if row.name == "qwen3-coder-next" and not row.is_mlx
        )
        for runtime in (RuntimeKind.OLLAMA, RuntimeKind.LLAMA_CPP)
    }

    assert found[RuntimeKind.OLLAMA].size_bytes == 52_000_000_000
    assert found[RuntimeKind.LLAMA_CPP].size_bytes == 48_490_000_000


def test_every_row_has_a_speed() -> None:
    assert all(row.estimate.decode_tokens_per_s is not None for row in rows_of(64))


@pytest.mark.parametrize("runtime", [RuntimeKind.LLAMA_CPP, RuntimeKind.LM_STUDIO, RuntimeKind.OLLAMA])
def test_nearly_every_model_can_be_installed_in_each_runtime(runtime: RuntimeKind) -> None:
    rows = rows_of(64, gguf_runtime=runtime)

    with_command = {row.name for row in rows if row.install is not None and row.runtime is runtime}

    # No repository is known for the others: then there is no command, rather than an invented one.
    assert len(with_command) >= 40


def test_a_command_that_gets_another_form_is_not_offered() -> None:
    for row in rows_of(64, gguf_runtime=RuntimeKind.LLAMA_CPP):
        if row.install is not None:
            form = quantization_in(row.install)
            assert form is None or form.upper().removeprefix("UD-") in row.quantization.upper() or row.is_mlx

    found = {row.quantization: row.install for row in rows_of(64) if row.name == "qwen3-coder-30b"}
    assert found["Q4_K_M"] == "llama-server -hf unsloth/Qwen3-Coder-30B-A3B-Instruct-GGUF:Q4_K_M"
    assert found["Q8_0"] is None


def test_rules_mark_what_the_policy_forbids_by_any_name_that_a_model_goes_by() -> None:
    rules = ModelRules(deny=("qwen3-coder:*",))

    rows = list_fit(mac(memory_gb=64), CATALOGUE, Question(context_tokens=8_192), rules=rules)

    assert {row.name for row in rows if row.forbidden_by == "qwen3-coder:*"} == {"qwen3-coder-30b"}
    assert all(row_document(row)["forbidden_by"] is None for row in rows if row.name != "qwen3-coder-30b")


def test_an_allowed_name_is_enough() -> None:
    rules = ModelRules(allow=("gpt-oss:20b",))

    rows = list_fit(mac(memory_gb=64), CATALOGUE, Question(context_tokens=8_192), rules=rules)

    assert {row.name for row in rows if row.forbidden_by is None} == {"gpt-oss-20b"}


def test_an_installed_model_is_marked() -> None:
    rows = rows_of(64, models=[{"name": "qwen3-coder:30b"}])

    assert [row.quantization for row in rows if row.is_installed] == ["Q4_K_M"]


def test_an_installed_model_that_the_catalogue_does_not_know_is_estimated_from_its_own_shape() -> None:
    shape = {"parameters": 8_000_000_000, "layers": 32, "kv_heads": 8, "head_dim": 128, "heads": 32, "full_layers": 32}
    model = {"name": "house-model", "size_bytes": 4_900_000_000, "geometry": shape}

    found = next(row for row in rows_of(64, models=[model]) if row.name == "house-model")

    assert (found.is_installed, found.model, found.estimate.verdict) == (True, None, Verdict.FITS)
    assert found.estimate.decode_tokens_per_s is not None


def test_a_remote_model_is_no_row_of_the_machine() -> None:
    rows = rows_of(64, models=[{"name": "elsewhere", "remote": True}])

    assert [row.name for row in rows if row.name == "elsewhere"] == []


def test_every_shipped_model_can_be_read_and_names_its_sources() -> None:
    for row in ROWS:
        problems = Problems()
        read_model(ObjectReader(row, path="", problems=problems))
        assert problems.found == []
        assert {"geometry", "sizes", "licence", "tools"} <= set(row["sources"]), row["name"]
        assert row["verified"] or row["unverified"], row["name"]


def test_a_rating_above_basic_names_the_score_it_rests_on() -> None:
    assert [row["name"] for row in ROWS if row["tier"] != "basic" and not row.get("tier_basis")] == []
