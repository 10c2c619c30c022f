"""Measured speeds and model shapes from CSV files, as the fit estimate takes them."""

import csv
import re
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

from routing.engine.facts import RuntimeKind
from routing.engine.fit.case import FitModel, is_mlx_engine
from routing.engine.fit.chips import Chip, find_chip
from routing.engine.fit.geometry import Geometry
from routing.engine.fit.memory import KV_BYTES, MAX_CONTEXT_TOKENS, kv_terms, needed_memory, weights_bytes
from routing.engine.fit.quantization import Quantization, read_quantization
from routing.engine.fit.speed import Load, load_of

DATA = Path(__file__).resolve().parents[3] / "routing" / "data" / "fit"
MEASURED, TABLE_4167, MODELS = DATA / "measured_speeds.csv", DATA / "llamacpp_apple_silicon.csv", DATA / "models.csv"
LONG_PROMPTS, HELD_OUT = DATA / "long_prompts.csv", DATA / "held_out.csv"
COLUMNS = (
    "row_id", "source", "machine", "chip", "gpu_cores", "mem_gb", "bandwidth_gbs", "model_key", "model_label", "quant",
    "runtime", "context_tokens", "gen_tokens", "tg_tps", "pp_tps", "pp_tokens", "peak_mem_gb", "mem_kind",
    "alloc_context", "note",
)  # fmt: skip
GB = 10**9
# llmfit's community files hold rates of whole runs: the time to the first token is in them.
WALL_CLOCK_SOURCE, WALL_CLOCK_PROMPT = "llmfit-core/data/community", 100
# The gpt-oss guide runs llama.cpp with `-ub 2048`.
LARGE_BATCH_SOURCE, LARGE_BATCH = "15396", 2048
# Its runs are of April and May 2026; its files carry no date.
OLD_OLLAMA_SOURCE = "apple-silicon-llm-bench"


@dataclass(frozen=True)
class Row:
    """One measured run. Absent figures are 0. `parts` is what the formulas need, None where the model is unknown."""

    row_id: str
    source: str
    machine: str
    model: FitModel | None
    model_key: str
    quantization: str
    runtime: str
    chip: Chip | None
    depth_tokens: float
    gen_tokens: float
    decode_tokens_per_s: float
    prompt_tokens_per_s: float
    prompt_tokens: float
    peak_bytes: float
    alloc_tokens: float
    kv_quantization: str = "f16"
    note: str = ""

    @property
    def is_old_build(self) -> bool:
        """llama.cpp's table began in 2023; its chips from the M4 on were measured with later builds."""
        return "4167" in self.source and self.chip is not None and self.chip.generation <= 3

    @property
    def is_wall_clock(self) -> bool:
        return WALL_CLOCK_SOURCE in self.source and self.gen_tokens > 0 and self.runtime_kind is not RuntimeKind.OLLAMA

    @property
    def form(self) -> Quantization | None:
        return read_quantization(self.quantization)

    @property
    def is_mlx(self) -> bool:
        return "mlx" in self.runtime or is_mlx_engine(self.runtime_kind, self.form)

    @property
    def runtime_kind(self) -> RuntimeKind:
        if "ollama" in self.runtime:
            return RuntimeKind.OLLAMA
        if "mlx" in self.runtime:
            return RuntimeKind.MLX_LM
        return RuntimeKind.LM_STUDIO if "studio" in self.runtime else RuntimeKind.LLAMA_CPP

    @property
    def model_class(self) -> str:
        return self.model.model_class if self.model else "unknown"

    @property
    def weights(self) -> int | None:
        if self.model is None:
            return None
        form = self.form
        # Other rows of the same quantization were made from files of the published size.
        name = self.quantization if self.quantization in self.model.sizes else (form.name if form else "")
        is_text_only = bool(self.model.has_vision) and self.is_mlx and self.runtime_kind is RuntimeKind.MLX_LM
        size = self.model.sizes.get(name)
        return weights_bytes(self.model.shape, form, file_bytes=size, is_text_only=is_text_only)

    @property
    def load(self) -> Load | None:
        form = self.form
        if self.model is None or form is None:
            return None
        return load_of(
            self.model.shape,
            form,
            runtime=self.runtime_kind,
            weights_bytes=self.weights,
            is_mlx=self.is_mlx,
            runtime_version=self.runtime_version,
        )

    @property
    def runtime_version(self) -> str | None:
        """Ollama's: as the row says, else by the date of its source. Version 0.30 came in June 2026."""
        if named := re.search(r"ollama (before )?(\d+\.\d+)", self.note):
            return "0.0" if named[1] else named[2]
        dated = re.search(r"\b(20\d\d-\d\d)", self.source)
        is_old = OLD_OLLAMA_SOURCE in self.source or (dated is not None and dated[1] < "2026-06")
        return "0.0" if is_old else None

    def kv_read_bytes(self, tokens: float) -> float:
        shape = self.model.shape if self.model else Geometry()
        return sum(kv_terms(shape, int(tokens), kv_bytes=KV_BYTES[self.kv_quantization]))

    @property
    def needed_bytes(self) -> float | None:
        if self.model is None or self.weights is None:
            return None
        tokens = int(self.alloc_tokens or self.depth_tokens)
        kv_bytes = KV_BYTES[self.kv_quantization]
        memory = needed_memory(
            self.model.shape, self.weights, tokens, kv_bytes=kv_bytes, parallel=1, is_mlx=self.is_mlx
        )
        return memory.total_bytes

    @property
    def batch_tokens(self) -> int | None:
        is_large = LARGE_BATCH_SOURCE in self.source or f"ubatch {LARGE_BATCH}" in self.note
        return LARGE_BATCH if is_large else None


def read_models(path: Path = MODELS) -> dict[str, FitModel]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["key"]: _model_of(row) for row in csv.DictReader(file)}


def read_measured(path: Path, models: dict[str, FitModel]) -> list[Row]:
    """Columns may be missing, more or in another order; a cell that holds no number counts as blank.

    Raises ValueError when the file has no column `model_key` or `chip`: then it is not of this format.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restkey="more")
        missing = {"model_key", "chip"} - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path}: no column {' or '.join(sorted(missing))}; format: {MEASURED.name}")
        return [_row_of({column: row.get(column) or "" for column in COLUMNS}, models) for row in reader]


def read_table_4167(path: Path, models: dict[str, FitModel]) -> list[Row]:
    """Each line holds three quantizations of Llama 2 7B: 128 tokens written, 512 read."""
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            for quantization in ("F16", "Q8_0", "Q4_0"):
                column = quantization.lower()
                if line[f"{column}_tg128"]:
                    rows.append(_row_4167(line, quantization, column, models))
    return rows


def all_rows(models: dict[str, FitModel]) -> list[Row]:
    """What the constants are found from. Of the long prompts only how fast they were read: their decode is a check."""
    long_prompts = [replace(row, decode_tokens_per_s=0) for row in read_measured(LONG_PROMPTS, models)]
    return [*read_table_4167(TABLE_4167, models), *read_measured(MEASURED, models), *long_prompts]


def _row_4167(line: dict[str, str], quantization: str, column: str, models: dict[str, FitModel]) -> Row:
    return Row(
        row_id="4167",
        source="llama.cpp discussion 4167",
        machine=f"{line['chip']} {line['gpu_cores']}",
        model=models["llama-2-7b"],
        model_key="llama-2-7b",
        quantization=quantization,
        runtime="llama.cpp",
        chip=find_chip(line["chip"], gpu_cores=int(line["gpu_cores"])),
        depth_tokens=64,
        gen_tokens=128,
        decode_tokens_per_s=_number(line[f"{column}_tg128"]),
        prompt_tokens_per_s=_number(line[f"{column}_pp512"]),
        prompt_tokens=512,
        peak_bytes=0,
        alloc_tokens=0,
    )


def _row_of(line: dict[str, str], models: dict[str, FitModel]) -> Row:
    cores = int(_number(line["gpu_cores"])) or None
    bandwidth = _number(line["bandwidth_gbs"]) * GB
    chip = find_chip(line["chip"], gpu_cores=cores) or find_chip(
        line["chip"], gpu_cores=cores, bandwidth_bytes_per_s=bandwidth or None
    )
    context, generated = _number(line["context_tokens"]), _number(line["gen_tokens"])
    return Row(
        row_id=line["row_id"],
        source=line["source"],
        machine=f"{line['chip']} {line['gpu_cores']}",
        model=models.get(line["model_key"]),
        model_key=line["model_key"],
        quantization=line["quant"],
        runtime=line["runtime"].lower() or "unknown",
        chip=chip,
        # The rate is of all generated tokens: on average half of them stood before.
        depth_tokens=min(context + generated / 2, MAX_CONTEXT_TOKENS),
        gen_tokens=generated,
        decode_tokens_per_s=_number(line["tg_tps"]),
        prompt_tokens_per_s=_number(line["pp_tps"]),
        prompt_tokens=min(_number(line["pp_tokens"]) or context, MAX_CONTEXT_TOKENS),
        # Memory of a process that leaves out what the GPU holds says nothing of the model.
        peak_bytes=0 if "does not count" in line["mem_kind"] else _number(line["peak_mem_gb"]) * GB,
        alloc_tokens=min(_number(line["alloc_context"]), MAX_CONTEXT_TOKENS),
        kv_quantization=_kv_of(line["note"]),
        note=line["note"],
    )


def _kv_of(note: str) -> str:
    return next((name for name in ("q8_0", "q4_0") if f"kv {name}" in note or f"kv {name[:2]}" in note), "f16")


def _model_of(line: dict[str, str]) -> FitModel:
    def whole(column: str) -> int | None:
        return int(float(line[column])) if line.get(column) else None

    shape = Geometry(
        architecture=line.get("architecture"),
        parameters=whole("total_params"),
        active_parameters=whole("active_params_read"),
        layers=whole("layers"),
        hidden_size=whole("hidden"),
        heads=whole("heads"),
        kv_heads=whole("kv_heads"),
        head_dim=whole("head_dim"),
        full_layers=whole("full_attn_layers"),
        sliding_layers=whole("sliding_layers"),
        sliding_window=whole("sliding_window"),
        sliding_kv_heads=whole("swa_kv_heads"),
        sliding_head_dim=whole("swa_head_dim"),
        mla_rank=whole("mla_kv_lora_rank"),
        mla_rope_dim=whole("mla_rope_dim"),
        linear_layers=whole("linear_layers"),
        linear_state_bytes=whole("linear_state_bytes"),
        experts=whole("experts"),
        experts_used=whole("experts_used"),
        moe_layers=whole("moe_layers"),
        context_tokens=whole("max_context"),
        vocabulary=whole("vocabulary"),
    )
    columns = {"Q4_K_M": "q4_k_m_bytes", "Q8_0": "q8_0_bytes", "MLX-4bit": "mlx_4bit_bytes"}
    sizes = {name: size for name, column in columns.items() if (size := whole(column))}
    if "gpt-oss" in line["key"]:
        sizes["MXFP4"] = sizes["Q4_K_M"]
    return FitModel(line["key"], shape, sizes, has_vision=line.get("vision") == "yes")


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if isfinite(number) and number > 0 else 0.0
