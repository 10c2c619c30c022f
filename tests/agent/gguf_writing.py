"""Writes GGUF headers from values: well-formed ones, and any other."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

TYPES = {"<I": 4, "<i": 5, "<f": 6, "<?": 7, "<Q": 10}
TEXT, ARRAY = 8, 9


def text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def entry(key: str, value: object) -> bytes:
    return text(key) + _typed(value)


def header(values: Mapping[str, object], tensors: Mapping[str, Sequence[int]] | None = None) -> bytes:
    tensors = tensors or {}
    start = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    entries = b"".join(entry(key, value) for key, value in values.items())
    return start + entries + b"".join(_tensor(name, shape) for name, shape in tensors.items())


def write_gguf(path: Path, values: Mapping[str, object], tensors: Mapping[str, Sequence[int]] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header(values, tensors))
    return path


def _tensor(name: str, shape: Sequence[int]) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, 0)


def _typed(value: object) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", TEXT) + text(value)
    if isinstance(value, list):
        first = value[0]
        if isinstance(first, str):
            return struct.pack("<IIQ", ARRAY, TEXT, len(value)) + b"".join(text(one) for one in value)
        layout = "<?" if isinstance(first, bool) else "<f" if isinstance(first, float) else "<i"
        items = b"".join(struct.pack(layout, one) for one in value)
        return struct.pack("<IIQ", ARRAY, TYPES[layout], len(value)) + items
    layout = "<?" if isinstance(value, bool) else "<f" if isinstance(value, float) else "<I"
    return struct.pack("<I", TYPES[layout]) + struct.pack(layout, value)
