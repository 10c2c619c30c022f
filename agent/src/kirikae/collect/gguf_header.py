"""The header of a GGUF file, read within bounds: the file may be truncated, hostile, or no GGUF at all.

Only small values are kept; vocabularies are skipped without being read into memory. Counts, lengths and time are
limited, so a header that promises billions of entries ends with GgufError like any other that is damaged.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from kirikae.collect.regular_file import open_regular

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_ENTRIES, MAX_TENSORS, MAX_DIMENSIONS = 4096, 65_536, 4
MAX_KEY_BYTES, MAX_TEXT_BYTES = 256, 1024
# Longest array that is kept: one value per layer. Of all arrays together: files have a handful of them. Longest that is
# skipped entry by entry: merges of a vocabulary.
MAX_KEPT_ITEMS, MAX_KEPT_TOTAL, MAX_SKIPPED_TEXTS = 1024, 2**16, 2**22
TIME_LIMIT_S = 3.0
BUFFER_BYTES = 1024 * 1024

# By type number: the layout of one value.
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
TEXT, ARRAY = 8, 9

type Value = str | int | float | bool | tuple[int | float | bool, ...]


class GgufError(Exception):
    """Not a GGUF file that can be read within the bounds."""


@dataclass(frozen=True)
class Header:
    """`tensors`: number of elements by tensor name."""

    values: Mapping[str, Value]
    tensors: Mapping[str, int]
    file_bytes: int


def read_header(path: Path) -> Header:
    """Raises GgufError. Takes at most TIME_LIMIT_S and a few megabytes of memory."""
    try:
        with open_regular(path, buffer_bytes=BUFFER_BYTES) as file:
            return _Reader(file, size=os.fstat(file.fileno()).st_size).read()
    except OSError as error:
        raise GgufError from error


class _Reader:
    def __init__(self, file: BinaryIO, *, size: int) -> None:
        self._file = file
        self._size = size
        self._place = 0
        self._texts_skipped = 0
        self._items_kept = 0
        self._ends_at = monotonic() + TIME_LIMIT_S

    def read(self) -> Header:
        if self._take(len(MAGIC)) != MAGIC or self._number("<I") not in VERSIONS:
            raise GgufError
        tensors, entries = self._count(MAX_TENSORS), self._count(MAX_ENTRIES)
        values = dict(pair for _ in range(entries) if (pair := self._entry()) is not None)
        return Header(values, dict(self._tensor() for _ in range(tensors)), self._size)

    def _entry(self) -> tuple[str, Value] | None:
        """None for what is skipped."""
        self._check_time()
        key = self._text(MAX_KEY_BYTES)
        if key is None:
            raise GgufError
        kind = self._number("<I")
        value = self._array() if kind == ARRAY else self._text(MAX_TEXT_BYTES) if kind == TEXT else self._scalar(kind)
        return None if value is None else (key, value)

    def _array(self) -> tuple[int | float | bool, ...] | None:
        kind, length = self._number("<I"), self._number("<Q")
        if kind == TEXT:
            self._skip_texts(length)
            return None
        layout = SCALARS.get(kind)
        if layout is None:
            raise GgufError
        if length > MAX_KEPT_ITEMS or self._items_kept + length > MAX_KEPT_TOTAL:
            self._skip(length * struct.calcsize(layout))
            return None
        self._items_kept += length
        return tuple(self._unpack(layout) for _ in range(length))

    def _skip_texts(self, length: int) -> None:
        self._texts_skipped += length
        if self._texts_skipped > MAX_SKIPPED_TEXTS:
            raise GgufError
        for index in range(length):
            if index % 4096 == 0:
                self._check_time()
            self._skip(self._number("<Q"))

    def _tensor(self) -> tuple[str, int]:
        self._check_time()
        name = self._text(MAX_KEY_BYTES)
        dimensions = self._number("<I")
        if name is None or dimensions > MAX_DIMENSIONS:
            raise GgufError
        elements = 1
        for _ in range(dimensions):
            elements *= self._number("<Q")
        self._skip(4 + 8)  # type and offset
        return name, elements

    def _text(self, limit: int) -> str | None:
        """None for a longer one, which is skipped."""
        length = self._number("<Q")
        if length > limit:
            self._skip(length)
            return None
        return self._take(length).decode("utf-8", "replace")

    def _scalar(self, kind: int) -> int | float | bool:
        layout = SCALARS.get(kind)
        if layout is None:
            raise GgufError
        return self._unpack(layout)

    def _count(self, limit: int) -> int:
        count = self._number("<Q")
        if count > limit:
            raise GgufError
        return count

    def _number(self, layout: str) -> int:
        return int(self._unpack(layout))

    def _unpack(self, layout: str) -> int | float | bool:
        (value,) = struct.unpack(layout, self._take(struct.calcsize(layout)))
        if not isinstance(value, int | float):
            raise GgufError
        return value

    def _take(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) != length:
            raise GgufError
        self._place += length
        return data

    def _skip(self, length: int) -> None:
        self._place += length
        if self._place > self._size:
            raise GgufError
        self._file.seek(length, os.SEEK_CUR)

    def _check_time(self) -> None:
        if monotonic() > self._ends_at:
            raise GgufError


SPLIT = re.compile(r"-(\d{5})-of-(\d{5})$")


def is_later_part(path: Path) -> bool:
    """Large models come in parts; the first carries the header of all."""
    match = SPLIT.search(path.stem)
    return match is not None and match.group(1) != "00001"
