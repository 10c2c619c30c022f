"""The GGUF reader: shapes of known architectures, and files that mean harm."""

import os
import resource
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kirikae.collect.gguf_header import GgufError, read_header
from kirikae.collect.gguf_model import FILE_TYPES, read_gguf_model
from kirikae.engine.fit.geometry import read_geometry
from kirikae.engine.reading.shapes import read_whole

from tests.agent.gguf_writing import entry, header, text, write_gguf

LLAMA = {
    "general.architecture": "llama",
    "general.file_type": 15,
    "tokenizer.ggml.tokens": ["a", "b", "ab"],
    "llama.block_count": 32,
    "llama.embedding_length": 4096,
    "llama.context_length": 131_072,
    "llama.attention.head_count": 32,
    "llama.attention.head_count_kv": 8,
}
START = b"GGUF" + struct.pack("<I", 3)


def geometry(path: Path, values: dict[str, object], tensors: dict[str, list[int]] | None = None) -> dict[str, object]:
    return dict(read_gguf_model(write_gguf(path, values, tensors)).geometry or {})


def of(architecture: str, **values: object) -> dict[str, object]:
    """`ssm__state_size` stands for `ssm.state_size`."""
    named = {f"{architecture}.{name.replace('__', '.')}": value for name, value in values.items()}
    return {"general.architecture": architecture, **named}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.gguf"


def test_a_plain_llama_has_its_shape_from_the_header(path: Path) -> None:
    model = read_gguf_model(
        write_gguf(path, LLAMA, {"token_embd.weight": [4096, 32_000], "output.weight": [4096, 32_000]})
    )

    assert (model.quantization, model.context_tokens, model.size_bytes) == ("Q4_K_M", 131_072, path.stat().st_size)
    assert model.geometry == {
        "architecture": "llama",
        "parameters": 2 * 4096 * 32_000,
        "active_parameters": 4096 * 32_000,
        "layers": 32,
        "hidden_size": 4096,
        "heads": 32,
        "kv_heads": 8,
        "head_dim": 128,
        "full_layers": 32,
        "sliding_layers": 0,
        "linear_layers": 0,
        "context_tokens": 131_072,
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (of("gemma3", block_count=62, attention__sliding_window=1024), (10, 52, 0)),
        (of("gpt-oss", block_count=24, attention__sliding_window=128), (12, 12, 0)),
        (
            of(
                "gemma4",
                block_count=3,
                attention__sliding_window=512,
                attention__sliding_window_pattern=[True, True, False],
            ),
            (1, 2, 0),
        ),
        (of("new", block_count=8, attention__sliding_window=512, attention__sliding_window_pattern=4), (2, 6, 0)),
        (of("new", block_count=8, attention__sliding_window=512), (None, None, None)),
        (of("qwen3next", block_count=48, ssm__state_size=128, ssm__inner_size=4096), (12, 0, 36)),
        (of("granitehybrid", block_count=4, attention__head_count_kv=[0, 0, 8, 0]), (1, 0, 3)),
    ],
)
def test_layers_are_counted_by_what_they_attend_to(
    path: Path, values: dict[str, object], expected: tuple[int | None, ...]
) -> None:
    shape = geometry(path, values)

    assert tuple(shape.get(f"{kind}_layers") for kind in ("full", "sliding", "linear")) == expected


def test_the_state_of_a_delta_net_is_one_matrix_per_head_and_its_convolution(path: Path) -> None:
    values = of(
        "qwen3next", block_count=48, ssm__state_size=128, ssm__inner_size=4096, ssm__conv_kernel=4, ssm__group_count=16
    )

    assert geometry(path, values)["linear_state_bytes"] == 36 * 4 * (32 * 128 * 128 + 3 * (4096 + 2 * 16 * 128))


def test_a_token_reads_only_the_experts_that_are_used(path: Path) -> None:
    tensors = {"token_embd.weight": [1000], "blk.0.ffn_up_exps.weight": [64, 100], "blk.0.attn_q.weight": [50]}

    shape = geometry(path, of("qwen3moe", block_count=1, expert_count=64, expert_used_count=8), tensors)

    assert (shape["parameters"], shape["active_parameters"]) == (7450, 1000 + 800 + 50)
    assert (shape["experts"], shape["experts_used"], shape["moe_layers"]) == (64, 8, 1)


def test_latent_attention_has_its_rank_and_rope_width(path: Path) -> None:
    shape = geometry(path, of("deepseek2", block_count=27, attention__kv_lora_rank=512, rope__dimension_count=64))

    assert (shape["mla_rank"], shape["mla_rope_dim"], shape["full_layers"]) == (512, 64, 27)


def test_file_types_are_those_of_the_format() -> None:
    gguf = pytest.importorskip("gguf")

    names = {int(one): one.name.removeprefix("MOSTLY_").removeprefix("ALL_") for one in gguf.LlamaFileType}
    assert {number: name.removesuffix("_MOE") for number, name in names.items() if number in FILE_TYPES} == FILE_TYPES


def test_a_shape_that_the_wire_refuses_is_unknown(path: Path) -> None:
    assert read_gguf_model(write_gguf(path, of("llama", block_count=2**31))).geometry is None


@pytest.mark.parametrize("odd", [float("inf"), float("nan"), 1.5])
def test_counts_that_are_no_whole_numbers_are_unknown(path: Path, odd: float) -> None:
    values = of("llama", block_count=2, **{"attention.head_count": [odd, odd], "attention.head_count_kv": [odd, 8.0]})

    assert "heads" not in geometry(path, values)


@pytest.mark.parametrize("name", ["\x1b[31mllama", "lla\u202ema", "l" * 81])
def test_an_architecture_that_the_wire_refuses_is_unknown(path: Path, name: str) -> None:
    assert read_gguf_model(write_gguf(path, of(name, block_count=2))).geometry is None


def test_arrays_beyond_any_model_are_not_kept(path: Path) -> None:
    header = read_header(write_gguf(path, {f"k{number}": [1] * 1024 for number in range(200)}))

    assert sum(len(value) for value in header.values.values() if isinstance(value, tuple)) == 2**16


HOSTILE = {
    "empty": b"",
    "no GGUF": b"PK\x03\x04" + b"\0" * 100,
    "old version": b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
    "big-endian": b"GGUF" + struct.pack(">IQQ", 3, 0, 1),
    "counts of a billion": START + struct.pack("<QQ", 2**63, 2**63),
    "tensors of a billion": START + struct.pack("<QQ", 2**30, 0),
    "entries that are not there": START + struct.pack("<QQ", 0, 4000),
    "key of 2^60 bytes": START + struct.pack("<QQQ", 0, 1, 2**60),
    "key of 64 KiB": START + struct.pack("<QQQ", 0, 1, 2**16) + b"k" * 2**16,
    "text of 2^60 bytes": START + struct.pack("<QQ", 0, 1) + text("k") + struct.pack("<IQ", 8, 2**60),
    "array of 2^61 numbers": START + struct.pack("<QQ", 0, 1) + text("k") + struct.pack("<IIQ", 9, 4, 2**61),
    "array of 2^40 texts": START + struct.pack("<QQ", 0, 1) + text("k") + struct.pack("<IIQ", 9, 8, 2**40),
    "more texts than any vocabulary": START
    + struct.pack("<QQ", 0, 2)
    + text("k")
    + struct.pack("<IIQ", 9, 8, 0)
    + text("k")
    + struct.pack("<IIQ", 9, 8, 2**22 + 1),
    "array in an array": START + struct.pack("<QQ", 0, 1) + text("k") + struct.pack("<IIQ", 9, 9, 1),
    "unknown type": START + struct.pack("<QQ", 0, 1) + text("k") + struct.pack("<I", 99),
    "tensor of 2^32 dimensions": START + struct.pack("<QQ", 1, 0) + text("t") + struct.pack("<I", 2**32 - 1),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_ends_at_once(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    started = time.monotonic()

    with pytest.raises(GgufError):
        read_header(path)

    assert time.monotonic() - started < 10  # without a bound it would read for hours


@pytest.mark.slow
def test_a_sparse_file_that_promises_a_huge_vocabulary_takes_neither_time_nor_memory(path: Path) -> None:
    """A terabyte of holes: every length that is read there is zero, so only a bound ends it.

    Which one depends on the machine: a fast one is through with the texts before the time is over.
    """
    path.write_bytes(START + struct.pack("<QQ", 0, 4000) + text("k") + struct.pack("<IIQ", 9, 8, 2**22))
    os.truncate(path, 2**40)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()

    with suppress(GgufError):
        assert len(read_header(path).values) <= 1

    assert time.monotonic() - started < 30  # without a bound it would read for hours
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024


@pytest.mark.parametrize("kind", ["pipe", "folder", "missing", "endless device"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "m.gguf"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "endless device":
        path.symlink_to("/dev/zero")

    with pytest.raises(GgufError):
        read_header(path)


@settings(max_examples=300, deadline=None)
@given(cut=st.integers(0, 400), flips=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4))
def test_a_damaged_header_is_read_or_refused_and_never_sent_beyond_the_limits(
    cut: int, flips: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(header(LLAMA, {"output.weight": [4096, 32_000]}))
    for place, value in flips:
        content[place % len(content)] = value
    path = tmp_path_factory.getbasetemp() / "fuzzed.gguf"
    path.write_bytes(content[: len(content) - cut] if cut < len(content) else b"")

    try:
        model = read_gguf_model(path)
    except GgufError:
        return

    assert read_whole(dict(model.geometry or {}), read_geometry)[1] == []


@settings(max_examples=200, deadline=None)
@given(rest=st.binary(max_size=200))
def test_noise_behind_the_magic_is_refused_or_read(rest: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.gguf"
    path.write_bytes(START + struct.pack("<QQ", 1, 2) + entry("general.architecture", "llama") + rest)

    try:
        read_gguf_model(path)
    except GgufError:
        return


def test_the_reader_stays_out_of_ask_and_run() -> None:
    heavy = "gguf", "hugging", "installed", "full_report", "httpx"
    loads = "import sys, kirikae.answering.deciding, kirikae.launching.running"
    code = f"{loads}; print([m for m in sys.modules for h in {heavy} if h in m])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
