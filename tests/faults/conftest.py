"""The installation that the fault tests share, and where they note what they measured."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.site import Site, running_site
from tests.faults.table import note_measurement


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with running_site() as running:
        yield running


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Notes a figure for the table of docs/reliability.md; `.ci/faults` writes it there."""
    rows = [mark.args[0] for mark in request.node.iter_markers("fault")]
    return lambda figure: note_measurement(rows[0], figure)
