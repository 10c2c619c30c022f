"""The estimate against measured rows, and the tables of the product against the files with their sources."""

import csv
import json
from dataclasses import replace
from math import ceil, inf
from pathlib import Path
from statistics import median

import pytest

from routing.engine.facts import RuntimeKind
from routing.engine.fit.catalogue import read_model
from routing.engine.fit.chips import find_chip
from routing.engine.fit.constants import MEMORY_SPREAD, PREFILL, SPEED
from routing.engine.fit.estimate import estimate
from routing.engine.reading.shapes import ObjectReader, Problems
from tests.bench.fit.constants import find_constants
from tests.bench.fit.report import main
from tests.bench.fit.rows import DATA, HELD_OUT, MEASURED, all_rows, read_measured, read_models
from tests.bench.fit.validate import conformal_quantile, outcomes_of
from tests.engine.fit.models import CODER_NEXT, mac

MODELS = read_models()
ROWS = all_rows(MODELS)


def errors(what: str) -> list[float]:
    return sorted(one.error for one in outcomes_of(ROWS) if one.what == what)


@pytest.mark.parametrize(
    ("what", "least_rows", "most"), [("decode", 190, 0.03), ("prefill", 80, 0.03), ("memory", 17, 0.035)]
)
def test_the_rows_of_the_fit_are_met(what: str, least_rows: int, most: float) -> None:
    found = errors(what)

    assert len(found) >= least_rows
    assert median(found) <= most
    assert found[int(0.9 * len(found))] <= 0.1


@pytest.mark.slow
def test_the_constants_are_what_the_rows_give() -> None:
    speed, prefill = find_constants()

    assert speed == pytest.approx(SPEED, rel=1e-3)
    assert prefill == pytest.approx(PREFILL, rel=1e-3)


@pytest.mark.parametrize(("tokens", "measured"), [(750, 64), (32_700, 51), (65_600, 41.5)])
def test_a_hybrid_mixture_on_mlx_is_within_the_stated_range_at_every_depth(tokens: int, measured: float) -> None:
    machine = mac()._replace(chip=find_chip("M3 Max", gpu_cores=40))

    found = estimate(machine, CODER_NEXT, quantization="4bit", runtime=RuntimeKind.MLX_LM, context_tokens=tokens)

    assert found.decode_tokens_per_s is not None
    low, high = found.decode_tokens_per_s
    assert low < measured < high


def test_the_chips_of_the_product_are_those_of_the_file() -> None:
    with (DATA / "chips.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name = row["chip"].partition(" (")[0]
            for cores in row["gpu_cores"].split(";"):
                chip = find_chip(name, gpu_cores=int(cores))
                assert chip is not None, row["chip"]
                assert chip.bandwidth_bytes_per_s == float(row["memory_bandwidth_gbs"]) * 1e9, row["chip"]


def test_the_catalogue_has_the_shapes_that_the_estimate_was_tried_with() -> None:
    rows = json.loads((DATA.parent / "models.json").read_text(encoding="utf-8"))["models"]
    for row in rows:
        model = read_model(ObjectReader(row, path="", problems=Problems()))
        ours, tried = model.shape._asdict(), MODELS[model.name].shape._asdict()
        assert bool(model.has_vision) == MODELS[model.name].has_vision
        # The file writes 0 where the catalogue leaves a field out.
        assert {field: value or 0 for field, value in ours.items()} == {
            field: value or 0 for field, value in tried.items()
        }


def test_the_stated_range_of_memory_is_what_the_rows_show() -> None:
    errors = [abs(one.ratio - 1) for one in outcomes_of(ROWS) if one.what == "memory"]

    stated = ceil(100 * conformal_quantile(errors, 0.9)) / 100

    assert (1 - stated, 1 + stated) == pytest.approx(MEMORY_SPREAD)


def test_few_rows_give_a_wide_range_and_too_few_none() -> None:
    assert conformal_quantile([0.01, 0.02, 0.03, 0.04], 0.8) == 0.04
    assert conformal_quantile([0.01, 0.02, 0.03], 0.8) == inf


class TestHeldOut:
    ROWS = read_measured(HELD_OUT, MODELS)

    def test_it_shares_no_row_with_the_fit(self) -> None:
        fitted = {(row.machine, row.model_key, row.quantization, row.decode_tokens_per_s) for row in ROWS}

        assert len(self.ROWS) >= 150
        assert not [row.row_id for row in self.ROWS if not row.source or row.load is None or row.chip is None]
        for row in self.ROWS:
            assert (row.machine, row.model_key, row.quantization, row.decode_tokens_per_s or -1) not in fitted

    def test_decode_is_as_near_as_the_documentation_says(self) -> None:
        found = sorted(one.error for one in outcomes_of(self.ROWS) if one.what == "decode")

        assert len(found) >= 140
        assert median(found) <= 0.06
        assert found[int(0.9 * len(found))] <= 0.2

    def test_memory_lies_within_the_stated_range(self) -> None:
        found = [one.ratio for one in outcomes_of(self.ROWS) if one.what == "memory"]

        assert len(found) >= 12
        assert sum(MEMORY_SPREAD.low <= ratio <= MEMORY_SPREAD.high for ratio in found) / len(found) >= 0.8

    @pytest.mark.parametrize(("note", "is_old"), [("ollama 0.24", True), ("ollama 0.30 or later", False), ("", True)])
    def test_the_age_of_ollama_is_read_from_the_note_or_else_from_the_source(self, note: str, is_old: bool) -> None:
        row = next(row for row in self.ROWS if row.row_id == "h52")

        load = replace(row, note=note).load

        assert load is not None
        assert load.is_old_ollama is is_old


class TestBench:
    def test_rows_of_another_file_are_predicted_as_the_product_would(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = MEASURED.read_text(encoding="utf-8").splitlines()
        own = "9001,somebody's notes,A Mac,M5 Max,40,64,614,qwen3-8b,Qwen3-8B,Q4_K_M,llama.cpp,512,128,90,3000,512,,,,"
        file = tmp_path / "rows.csv"
        file.write_text("\n".join([lines[0], own]), encoding="utf-8")

        main(["--rows", str(file), "--json"])

        found = json.loads(capsys.readouterr().out)
        assert (found["decode"]["n"], found["prefill"]["n"], found["memory"]["n"]) == (1, 1, 0)
        assert 0 < found["decode"]["median"] < 0.5
        assert found["memory"] == {"median": None, "p90": None, "n": 0}
        assert set(found) == {"decode", "prefill", "memory"}

    def test_rows_that_say_nothing_known_are_passed_over(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = MEASURED.read_text(encoding="utf-8").splitlines()
        odd = "9002,x,?,Z80,,,,no-such-model,?,Q99,abacus,,,5,,,,,,"
        file = tmp_path / "rows.csv"
        file.write_text("\n".join([lines[0], odd]), encoding="utf-8")

        main(["--rows", str(file)])

        printed = capsys.readouterr()
        assert "| rows of" in printed.out.lower()
        assert "1 of 1 rows have an unknown chip" in printed.err

    @pytest.mark.parametrize(
        "line",
        [
            "qwen3-8b,M5 Ultra,150,,Q4_K_M,LM Studio,more",
            "qwen3-8b,M4,n/a,inf,,,",
            "qwen3-8b,Apple M9 Ultra,1e300,nan,4bit,vllm-metal",
            "qwen3-8b",
            ",,,,,",
        ],
    )
    def test_missing_columns_strange_cells_and_other_runtimes_are_no_matter(
        self, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "rows.csv"
        file.write_text(f"model_key,chip,tg_tps,peak_mem_gb,quant,runtime\n{line}\n", encoding="utf-8")

        main(["--rows", str(file), "--json"])

        assert set(json.loads(capsys.readouterr().out)) == {"decode", "prefill", "memory"}

    @pytest.mark.parametrize("content", ["", "a,b\n1,2\n", None])
    def test_a_file_of_another_kind_is_refused_in_one_sentence(self, content: str | None, tmp_path: Path) -> None:
        file = tmp_path / "rows.csv"
        if content is not None:
            file.write_text(content, encoding="utf-8")

        with pytest.raises(SystemExit, match=r"rows\.csv"):
            main(["--rows", str(file)])

    def test_every_row_that_was_shared_can_be_read(self) -> None:
        rows = read_measured(MEASURED, MODELS)

        assert [row.row_id for row in rows if row.load is None or row.chip is None] == []
