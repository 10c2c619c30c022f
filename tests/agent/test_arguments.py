import itertools
import re

import pytest
from kirikae.arguments import DEFAULTS, read_plain
from kirikae.command_line import COMMANDS, parse
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


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_in_the_language_of_the_terminal(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIRIKAE_LANG", "ja")

    with pytest.raises(SystemExit):
        parse([command, "--help"] if command else ["--help"])

    shown = capsys.readouterr().out
    assert shown.startswith("使い方: kirikae")
    assert "このヘルプを表示して終了する" in shown
    assert not re.search(r"[a-z]{2,} [a-z]{2,}", shown.replace(f"kirikae {command}", ""))


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ([], "次の引数が必要です: COMMAND"),
        (["sky"], "引数 COMMAND: 'sky' は選べません（選択肢: enrol, report, "),
        (["ask"], "次の引数が必要です: TASK"),
        (["ask", "x", "y"], "不明な引数: y"),
        (["ask", "x", "--needs", "y"], "引数 --needs: 'y' は指定できません（使えるもの: tools, vision）"),
        (["run", "--task"], "引数 --task: 値が一つ必要です"),
        (["run", "--why=x"], "引数 --why: 値 'x' は指定できません"),
        (["fit", "--context", "x"], "引数 --context: 'x' は 0 から 1000000000000 までの整数ではありません"),
    ],
)
def test_mistakes_are_told_in_the_language_of_the_terminal(
    own: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIRIKAE_LANG", "ja")

    with pytest.raises(UsageError) as caught:
        parse(own)

    assert str(caught.value.data["detail"]).startswith(said)


def test_help_stays_english_in_an_english_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIRIKAE_LANG", "en")

    with pytest.raises(SystemExit):
        parse(["request", "--help"])

    shown = capsys.readouterr().out
    assert (shown.startswith("usage: kirikae request"), "\npositional arguments:\n" in shown) == (True, True)
    assert "\noptions:\n" in shown
