"""With how much memory the Macs of a chip are sold, by the file that the estimate's chips are held against."""

import csv
from functools import cache

from django.conf import settings

from routing.engine.fit.chips import Chip

FILE = "routing/data/fit/chips.csv"


def memory_sizes_gb(chip: Chip) -> tuple[int, ...]:
    """Smallest first, of the form with so many GPU cores if it is known, else of all forms. Empty: nobody knows."""
    forms = [sizes for (name, cores), sizes in _sizes().items() if name == chip.name and cores == chip.gpu_cores]
    found = forms or [sizes for (name, _cores), sizes in _sizes().items() if name == chip.name]
    return tuple(sorted({size for sizes in found for size in sizes}))


@cache
def _sizes() -> dict[tuple[str, int], tuple[int, ...]]:
    """By chip and GPU cores."""
    with (settings.BASE_DIR / FILE).open(encoding="utf-8", newline="") as file:
        return {
            (row["chip"].partition(" (")[0], int(cores)): tuple(map(int, row["memory_gb_options"].split(";")))
            for row in csv.DictReader(file)
            for cores in row["gpu_cores"].split(";")
        }
