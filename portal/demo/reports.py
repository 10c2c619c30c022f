"""What the demo's Macs say of themselves: reports and benchmarks in the form in which an agent sends them."""

from datetime import datetime
from functools import cache
from typing import Any
from zlib import crc32

from machines.catalogue.entries import shipped_entries
from portal.demo.cast import MODELS, DemoMac, DemoModel
from routing.engine.facts import Hardware, ModelFacts, RuntimeKind, time_text
from routing.engine.fit.case import machine_of
from routing.engine.fit.catalogue import Catalogue, catalogue_text
from routing.engine.fit.estimate import measured_run

type Document = dict[str, Any]

AGENT_VERSION = "0.1.0"
RUNTIMES = {
    "ollama": ("0.31.1", "http://127.0.0.1:11434"),
    "lm_studio": ("0.4.2", "http://127.0.0.1:1234"),
    "llama_cpp": ("b10434", "http://127.0.0.1:8080"),
}
DEPTHS_TOKENS = (4_096, 32_768)


def hardware_of(mac: DemoMac) -> Document:
    cpu, performance, gpu = mac.cores
    return {
        "platform": "darwin",
        "os_version": mac.os_version,
        "model": mac.model,
        "chip": mac.chip,
        "cpu_cores": cpu,
        "performance_cores": performance,
        "gpu_cores": gpu,
        "memory_bytes": mac.memory_gb * 2**30,
        "gpu_limit_bytes": None,
    }


def report_of(mac: DemoMac, *, at: datetime, is_broken: bool = False) -> Document:
    version, base_url = RUNTIMES[mac.runtime]
    loaded = None if is_broken else mac.models[0]
    runtime = {
        "kind": mac.runtime,
        "version": None if is_broken else version,
        "base_url": base_url,
        "state": "broken" if is_broken else "up",
        "reason": "timeout" if is_broken else None,
        "messages_api": None if is_broken else True,
        "models": [_model_of(mac, MODELS[name], is_loaded=name == loaded) for name in mac.models],
    }
    return {
        "schema": 1,
        "agent_version": AGENT_VERSION,
        "collected_at": time_text(at),
        "hardware": hardware_of(mac),
        "state": state_of(mac),
        "runtimes": [runtime],
        "absences": [{"field": "hardware.gpu_limit_bytes", "code": "not_set"}],
    }


def state_of(mac: DemoMac) -> Document:
    return {
        "memory_available_bytes": mac.memory_gb * 2**30 * 6 // 10,
        "memory_pressure": "normal",
        "swap_used_bytes": 0,
        "on_battery": False,
        "low_power": False,
    }


def benchmarks_of(mac: DemoMac, *, at: datetime) -> list[Document]:
    return [
        _benchmark_of(mac, MODELS[name], depth_tokens=depth, at=at)
        for name in mac.models
        for depth in DEPTHS_TOKENS
        if depth <= MODELS[name].max_context_tokens
    ]


def _model_of(mac: DemoMac, model: DemoModel, *, is_loaded: bool) -> Document:
    return {
        "name": model.name,
        "quantization": model.quantization,
        "format": "gguf",
        "size_bytes": model.size_bytes,
        "parameters": model.parameters,
        "loaded": is_loaded,
        "effective_context_tokens": min(mac.context_tokens, model.max_context_tokens),
        "max_context_tokens": model.max_context_tokens,
        "memory_bytes": model.size_bytes + 10**9 if is_loaded else None,
        "remote": False,
        "tools": model.has_tools,
        "vision": False,
    }


def _benchmark_of(mac: DemoMac, model: DemoModel, *, depth_tokens: int, at: datetime) -> Document:
    """What the formula says of such a Mac, and a few percent beside it, as no two Macs are alike."""
    decode, prompt = _rates_of(mac, model, depth_tokens)
    return {
        "runtime": mac.runtime,
        "runtime_version": RUNTIMES[mac.runtime][0],
        "model": model.name,
        "quantization": model.quantization,
        "depth_tokens": depth_tokens,
        "prompt_tokens_per_s": round(prompt, 1),
        "decode_tokens_per_s": round(decode, 1),
        "first_token_s": round(depth_tokens / prompt, 2),
        "runs": 3,
        "method": "kirikae-1",
        "measured_at": time_text(at),
    }


@cache
def _rates_of(mac: DemoMac, model: DemoModel, depth_tokens: int) -> tuple[float, float]:
    """Tokens/s of writing and of reading."""
    hardware = Hardware("darwin", chip=mac.chip, gpu_cores=mac.cores[2], memory_bytes=mac.memory_gb * 2**30)
    run = measured_run(
        machine_of(hardware),
        _catalogue().fit_model(ModelFacts(model.name, quantization=model.quantization)),
        quantization=model.quantization,
        runtime=RuntimeKind(mac.runtime),
        depth_tokens=depth_tokens,
        decode_tokens_per_s=1.0,
        prompt_tokens_per_s=None,
        runtime_version=RUNTIMES[mac.runtime][0],
    )
    if run.formula_decode is None or run.formula_prefill is None:
        raise LookupError(f"No speed is known of {model.name} on {mac.chip}.")
    beside = 0.94 + crc32(f"{mac.name} {model.name}".encode()) % 13 / 100
    return run.formula_decode * beside, run.formula_prefill * beside


@cache
def _catalogue() -> Catalogue:
    return Catalogue(catalogue_text(entry.model for entry in shipped_entries()))
