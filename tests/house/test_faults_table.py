"""The table of faults tells of the tests that there are, and each row has its figure or needs none."""

from tests.faults.table import DOCUMENT, read_measurements, read_rows, table_in, write_table

# Of these rows only whether they hold is of interest.
WITHOUT_FIGURE = {4, 6, 14, 15, 16, 17, 18, 31}
WANTED = {1, 2, 3, 4, 5, 6, 7, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 31, 32}


def test_the_table_is_made_of_the_tests() -> None:
    table = table_in(DOCUMENT.read_text())

    assert write_table(read_rows(), read_measurements(table)) == table, "run .ci/faults"


def test_each_fault_has_one_test_and_its_figure() -> None:
    numbers = [row.number for row in read_rows()]
    figures = read_measurements(table_in(DOCUMENT.read_text()))

    assert sorted(numbers) == sorted(WANTED)
    assert {number for number, figure in figures.items() if not figure} == WITHOUT_FIGURE
