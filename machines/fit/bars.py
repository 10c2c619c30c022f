"""The bar of one estimate: weights, cache and overhead against the GPU limit, as attributes of an SVG.

Attributes, not styles: the Content-Security-Policy forbids those.
"""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from portal.common.templatetags.quantities import format_bytes
from routing.engine.fit.table import FitRow

# Beyond the limit stays some room, so that its mark is seen.
_ROOM_SHARE = 1.18


@dataclass(frozen=True)
class Part:
    """`name` is the class that the style sheet knows."""

    name: str
    x: str
    width: str


@dataclass(frozen=True)
class Bar:
    parts: tuple[Part, ...]
    limit_x: str
    label: str


def bar_of(row: FitRow) -> Bar | None:
    """None when memory or the limit is not known."""
    memory, limit = row.estimate.memory, row.estimate.limit
    if memory is None or limit is None:
        return None
    overhead = memory.compute_bytes + memory.prefix_cache_bytes
    limit_bytes, total = limit.limit_bytes, memory.total_bytes
    whole = max(limit_bytes * _ROOM_SHARE, total * 1.02)

    def part(name: str, start: float, size: float) -> Part:
        return Part(name, _percent(start, whole), _percent(size, whole))

    parts = [
        part("track", 0, limit_bytes),
        part("w", 0, memory.weights_bytes),
        part("kv", memory.weights_bytes, memory.kv_bytes),
        part("ov", memory.weights_bytes + memory.kv_bytes, overhead),
    ]
    if total > limit_bytes:
        parts.append(part("over", limit_bytes, total - limit_bytes))
    label = _("%(model)s: weights %(weights)s, KV cache %(cache)s, overhead %(overhead)s, limit %(limit)s") % {
        "model": f"{row.title} {row.quantization}".strip(),
        "weights": format_bytes(memory.weights_bytes),
        "cache": format_bytes(memory.kv_bytes),
        "overhead": format_bytes(overhead),
        "limit": format_bytes(limit_bytes),
    }
    return Bar(tuple(parts), _percent(limit_bytes, whole), label)


def _percent(size: float, whole: float) -> str:
    return f"{100 * size / whole:.2f}%"
