"""Apple's chips as far as running a model is concerned: memory bandwidth, GPU cores, generation.

Sources stand beside the rows of routing/data/fit/chips.csv; a test compares both.
"""

import re

from ..named_tuple import NamedTuple

_NAME = r"(?i)\b(M[1-9][0-9]?)(?:\s+(Pro|Max|Ultra))?\b"
# A small Intel chip is called "Core(TM) m3-7Y32", and Macs had it.
_OTHER_MAKERS = r"(?i)\bintel\b"
_TIERS = {"pro": "Pro", "max": "Max", "ultra": "Ultra"}
_GB = 10**9
# The newest generation that is known; a later one is taken to be at least as fast per core.
NEWEST_GENERATION = 6


class Chip(NamedTuple):
    """`bandwidth_bytes_per_s` is nominal. `reachable_share` of it is what a GPU kernel was measured to reach."""

    name: str
    generation: int
    tier: str
    gpu_cores: int
    bandwidth_bytes_per_s: float
    reachable_share: float = 1.0


# GB/s by number of GPU cores: some chips have a narrower bus in their smaller form.
_CHIPS: dict[str, dict[int, float]] = {
    "M1": {7: 68, 8: 68},
    "M1 Pro": {14: 200, 16: 200},
    "M1 Max": {24: 400, 32: 400},
    "M1 Ultra": {48: 800, 64: 800},
    "M2": {8: 100, 10: 100},
    "M2 Pro": {16: 200, 19: 200},
    "M2 Max": {30: 400, 38: 400},
    "M2 Ultra": {60: 800, 76: 800},
    "M3": {8: 100, 10: 100},
    "M3 Pro": {14: 150, 18: 150},
    "M3 Max": {30: 300, 40: 400},
    "M3 Ultra": {60: 819, 80: 819},
    "M4": {8: 120, 10: 120},
    "M4 Pro": {16: 273, 20: 273},
    "M4 Max": {32: 410, 40: 546},
    "M5": {8: 153, 10: 153},
    "M5 Pro": {16: 307, 20: 307},
    "M5 Max": {32: 460, 40: 614},
    "M5 Ultra": {80: 1200},
    "M6": {12: 170},
}
# GPU kernels of the STREAM kind reach 100 GB/s of the M4's 120 (arXiv 2502.05317), but all of the M2's and M3's
# share that the fit finds. The base chips after the M4 are taken to be like it.
_REACHABLE_SHARE = 100 / 120 / 0.92


def chip_names() -> tuple[str, ...]:
    return tuple(_CHIPS)


def core_counts(name: str) -> tuple[int, ...]:
    """The GPU core counts that the chip is sold with, smallest first; empty for an unknown chip."""
    return tuple(_CHIPS.get(name, ()))


def find_chip(text: str | None, *, gpu_cores: int | None, bandwidth_bytes_per_s: float | None = None) -> Chip | None:
    """The chip of a name such as "Apple M4 Max". None when its bandwidth or its cores are not known.

    An unknown number of cores counts as the smallest, one above all that the chip is sold with as the largest of
    those: never a speed that the Mac may not have. Whoever tells a bandwidth is believed in the cores, too.
    """
    found = re.search(_NAME, text or "")
    if found is None or re.search(_OTHER_MAKERS, text or ""):
        return None
    generation, tier = int(found[1][1:]), _TIERS.get((found[2] or "").lower(), "")
    name = f"M{generation} {tier}".strip()
    forms = core_counts(name)
    cores = gpu_cores if gpu_cores and gpu_cores > 0 else next(iter(forms), None)
    if cores is not None and forms and bandwidth_bytes_per_s is None:
        cores = min(cores, forms[-1])
    bandwidth = bandwidth_bytes_per_s or _nominal(name, cores)
    if cores is None or not bandwidth or bandwidth <= 0:
        return None
    share = _REACHABLE_SHARE if generation >= 4 and not tier else 1.0
    return Chip(name, generation, tier, cores, bandwidth, share)


def _nominal(name: str, cores: int | None) -> float | None:
    """Of the form with the nearest lower core count, so that a form that is not in the table is not flattered."""
    forms = _CHIPS.get(name)
    if not forms:
        return None
    fitting = [gb_per_s for count, gb_per_s in forms.items() if cores is None or count <= cores]
    return (fitting[-1] if fitting else min(forms.values())) * _GB
