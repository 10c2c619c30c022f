"""The shape of a model as reports and the catalogue carry it."""

import pytest

from routing.engine.fit.geometry import UNKNOWN, Geometry, geometry_document, read_geometry
from routing.engine.reading.shapes import ObjectReader, Problems, read_whole

CODER_NEXT = Geometry(architecture="qwen3next", parameters=79_674_000_000, layers=48, full_layers=12, linear_layers=36)


def test_a_geometry_survives_the_way_through_json() -> None:
    document = geometry_document(CODER_NEXT)

    assert read_whole(document, read_geometry) == (CODER_NEXT, [])


def test_what_is_absent_or_null_is_unknown() -> None:
    assert read_whole({"layers": None}, read_geometry) == (UNKNOWN, [])


@pytest.mark.parametrize("value", [-1, 10**15, 1.5, "48", True])
def test_an_impossible_figure_is_named_and_not_taken(value: object) -> None:
    _, problems = read_whole({"layers": value}, read_geometry)

    assert [problem.path for problem in problems] == ["layers"]


def test_an_unknown_key_is_a_problem() -> None:
    problems = Problems()

    read_geometry(ObjectReader({"layer": 48}, path="geometry", problems=problems))

    assert [(problem.path, problem.code) for problem in problems.found] == [("geometry.layer", "field.unknown")]
