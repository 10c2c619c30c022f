"""What the operator's commands print, raise and help with is translated: no plain sentence stands in their code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation
from kirikae import texts
from kirikae.command_line import ARGPARSE_IN_JAPANESE

from portal import terminal
from portal.common.engine_words import value_in_words
from tests.places import new_place
from tests.running import kill_quietly, spawn_portal

COMMANDS = sorted(Path().glob("portal/*/management/commands/*.py")) + sorted(
    path for app in ("machines", "routing") for path in Path(app).glob("management/commands/*.py")
)
# Beside the commands: where their sentences are raised or made.
SOURCES = sorted(path for app in ("portal", "machines", "routing") for path in Path(app).rglob("*.py"))
SENTENCE_ERRORS = {
    "ArgumentTypeError",
    "BackupError",
    "CommandError",
    "DemoRefusedError",
    "DraftRefusedError",
    "ImproperlyConfigured",
    "StartRefused",
}
TRANSLATORS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext"}
TWO_WORDS = re.compile(r"[A-Za-z]{2,},? [A-Za-z]")
# Documents that the engine reads from files which an operator writes.
DOCUMENTS = [
    *sorted(Path("routing/engine/policy").glob("*.py")),
    Path("routing/engine/reading/shapes.py"),
    Path("routing/policy_file.py"),
    Path("machines/catalogue/entries.py"),
]


def plain_sentences(node: ast.AST) -> Iterator[str]:
    """Texts of two words or more below the node that no translator was given."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TRANSLATORS:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and TWO_WORDS.search(node.value):
        yield node.value
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    for child in () if is_docstring else ast.iter_child_nodes(node):
        yield from plain_sentences(child)


@pytest.mark.parametrize("path", COMMANDS, ids=str)
def test_command_holds_no_plain_sentence(path: Path) -> None:
    assert list(plain_sentences(ast.parse(path.read_text()))) == []


def test_no_error_with_a_sentence_for_the_operator_is_raised_with_a_plain_one() -> None:
    found = [
        f"{path}:{call.lineno}: {sentence}"
        for path in SOURCES
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in SENTENCE_ERRORS
        for sentence in plain_sentences(call)
    ]

    assert found == []


def test_check_of_the_commands_finds_a_plain_sentence_and_takes_a_translated_one() -> None:
    assert list(plain_sentences(ast.parse('out.write(f"Backed up: {path}")'))) == ["Backed up: "]
    assert list(plain_sentences(ast.parse('out.write(_("Backed up: %(path)s") % {"path": path})'))) == []


def texts_of(call: ast.Call) -> Iterator[str]:
    """`found` and `allowed` of a problem as it would be told, where they are written out."""
    for keyword in call.keywords:
        value = keyword.value
        if keyword.arg in ("found", "allowed") and isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value
        if keyword.arg in ("found", "allowed") and isinstance(value, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in value.values)


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_each_word_of_the_engine_on_a_file_has_its_japanese(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    texts = [text for call in calls for text in texts_of(call)]

    with translation.override("ja"):
        english = [text for text in texts if value_in_words(text) == text]
    assert english == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["help"], "各コマンドのオプション"),
        (["doctor"], "異常  マイグレーション"),
        (["up", "--help"], "待ち受けるポート（既定値: 8000）"),
        (["up", "--port", "x"], "引数 --port: 'x' を int として読めません"),
        (["demo", "--remove"], "このポータルはデモではありません。"),
        (["policy", "lint"], "指摘はありません。"),
        (["policy", "import", "nowhere.yaml"], "nowhere.yaml を読めません（見つかりません）。"),
        (["polcy"], "policy のことですか。"),
        (["restore", "pyproject.toml"], "pyproject.toml はバックアップではないか"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_command_speaks_the_language_of_the_terminal(tmp_path: Path, command: list[str], said: str) -> None:
    place = new_place(tmp_path / "data")

    done = place.run(*command, KIRIKAE_LANG="", LANG="ja_JP.UTF-8", LC_ALL="", LC_MESSAGES="")

    assert said in done.stdout + done.stderr
    told = re.sub(r"(uv run )?manage\.py.*", "", done.stdout + done.stderr)
    assert not re.search(r"[a-z]{2,} [a-z]{2,}", told)


@pytest.mark.slow
def test_settings_are_refused_in_the_language_of_the_terminal(tmp_path: Path) -> None:
    place = new_place(tmp_path / "data")

    assert "そのような変数はありません" in place.refuse("doctor", KIRIKAE_LANG="ja", KIRIKAE_COLOUR="red")
    assert "is set, but there is no such variable" in place.refuse("doctor", LC_ALL="C", KIRIKAE_COLOUR="red")


@pytest.mark.slow
def test_portal_tells_that_it_is_ready_in_the_language_of_the_terminal(tmp_path: Path) -> None:
    process = spawn_portal(tmp_path / "data", environment={"KIRIKAE_LANG": "ja"})
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _line in range(2)]
    finally:
        kill_quietly(process)

    assert re.fullmatch(r"Kirikaeの準備ができました: http://127\.0\.0\.1:\d+", lines[0])
    assert re.fullmatch(r"初期設定: http\S+/setup/\S+（1回限り、1時間以内）", lines[1])


@pytest.mark.parametrize("name", ["KIRIKAE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"])
@pytest.mark.parametrize("value", ["ja", "JA_JP.UTF-8", "en_US.UTF-8", "C", ""])
def test_portal_and_client_choose_the_same_language(name: str, value: str) -> None:
    """They share no code but the engine, which speaks none: the rule stands in both."""
    environment = {"LANG": "ja_JP.UTF-8", name: value}

    assert terminal.choose_language(environment) == texts.choose_language(environment)


@pytest.mark.parametrize("text", ARGPARSE_IN_JAPANESE)
def test_portal_and_client_say_the_same_for_argparse(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIRIKAE_LANG", "ja")

    assert terminal.gettext(text) == ARGPARSE_IN_JAPANESE[text]
