"""What the operator types works before the portal was ever started."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import portal_environment

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "printed"),
    [
        (["join_key"], r"kjk_[0-9a-z]{12}_\S+"),
        (["api_token", "--name", "ci", "--scope", "decide"], r"kst_[0-9a-z]{12}_\S+"),
        (["policy", "prove"], r"There is no restricting rule to prove\."),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_command_makes_the_tables_that_it_needs_in_a_new_data_folder(
    tmp_path: Path, command: list[str], printed: str
) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=portal_environment(KIRIKAE_DATA_DIR=str(tmp_path / "new")),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert re.fullmatch(printed, done.stdout.strip()), done.stderr


@pytest.mark.slow
def test_there_is_no_demo_to_remove_in_a_new_data_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--remove"],
        cwd=ROOT,
        env=portal_environment(KIRIKAE_DATA_DIR=str(tmp_path / "new")),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == "This portal is no demo; nothing was removed.\n"


@pytest.mark.slow
def test_a_reader_that_has_gone_is_no_error_to_tell_of() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        done = subprocess.run(
            [sys.executable, "manage.py", "help"],
            cwd=ROOT,
            env=portal_environment(),
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stderr) == (141, "")
