"""Work that a killed worker had in hand is done by another one, soon and once."""

from pathlib import Path

import pytest

from tests.killed_worker import seconds_until_done

pytestmark = pytest.mark.e2e


def test_the_task_of_a_killed_worker_is_done_within_15_seconds(tmp_path: Path) -> None:
    took_s = seconds_until_done(tmp_path)

    assert took_s < 15
    lines = (tmp_path / "probe").read_text().split("\n")
    assert [line.split()[0] for line in lines if line] == ["started", "started", "done"]
