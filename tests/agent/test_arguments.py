import itertools
import subprocess
import sys

import pytest
from kirikae.arguments import DEFAULTS, read_plain
from kirikae.command_line import parse
from kirikae.errors import UsageError
from kirikae.home import Home

WORDS = (
    "",
    "x",
    "-",
    "--",
    "-h",
    "--wh",
    "--why",
    "--json",
    "--dry-run",
    "--dry_run",
    "--task",
    "--task=x",
    "-1",
    "a b",
)


@pytest.mark.parametrize("command", sorted(DEFAULTS))
def test_what_is_read_plainly_is_what_argparse_reads(command: str) -> None:
    lines = [list(words) for count in range(3) for words in itertools.product(WORDS, repeat=count)]

    plain = [(words, found) for words in lines if (found := read_plain([command, *words])) is not None]

    assert len(plain) >= len(DEFAULTS[command])
    for words, found in plain:
        assert parse([command, *words]) == found


@pytest.mark.parametrize(
    "own",
    [
        ["ask", "commit-message", "--json", "--why", "--offline"],
        ["run"],
        ["run", "--why", "--task", "commit-message", "--dry-run"],
        ["guard"],
    ],
)
def test_the_frequent_forms_are_read_plainly(own: list[str]) -> None:
    assert read_plain(own) == parse(own)


@pytest.mark.parametrize("own", [["ask"], ["run", "--task"], ["run", "--task", "--why"], ["guard", "x"]])
def test_mistakes_are_left_to_argparse(own: list[str]) -> None:
    assert read_plain(own) is None
    with pytest.raises(UsageError):
        parse(own)


@pytest.mark.slow
@pytest.mark.parametrize("line", [["ask", "commit-message"], ["run", "--dry-run", "--", "claude"]])
def test_the_hot_path_does_without_what_takes_long_to_import(synced: Home, line: list[str]) -> None:
    costly = {"argparse", "dataclasses", "encodings.idna", "hashlib", "httpx", "inspect", "shutil", "ssl", "tempfile"}
    code = f"import sys; from kirikae.start import main; sys.argv[1:] = {line}; main(); print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=synced.path)

    assert not costly & set(done.stdout.split())
