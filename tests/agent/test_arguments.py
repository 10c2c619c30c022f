import itertools

import pytest
from kirikae.arguments import DEFAULTS, read_plain
from kirikae.command_line import parse
from kirikae.errors import UsageError

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
