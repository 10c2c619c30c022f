"""Chips by the names and core counts that a report may hold."""

import pytest

from routing.engine.fit.chips import find_chip


@pytest.mark.parametrize(("told", "taken"), [(None, 16), (0, 16), (-3, 16), (16, 16), (17, 17), (20, 20), (4096, 20)])
def test_no_number_of_cores_makes_a_chip_faster_than_it_is_sold(told: int | None, taken: int) -> None:
    chip = find_chip("Apple M4 Pro", gpu_cores=told)

    assert chip is not None
    assert chip.gpu_cores == taken


def test_whoever_tells_the_bandwidth_is_believed_in_the_cores() -> None:
    chip = find_chip("M4 Pro", gpu_cores=24, bandwidth_bytes_per_s=300e9)

    assert chip is not None
    assert (chip.gpu_cores, chip.bandwidth_bytes_per_s) == (24, 300e9)


@pytest.mark.parametrize("name", ["Intel(R) Core(TM) m3-7Y32 CPU @ 1.10GHz", "Apple M6 Ultra", "M0", "M44", "", None])
def test_what_is_no_known_chip_of_apple_has_no_speed(name: str | None) -> None:
    assert find_chip(name, gpu_cores=10) is None
