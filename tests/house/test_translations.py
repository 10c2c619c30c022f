"""No string is missing in Japanese, and the compiled catalogue is the one that the text says."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils.translation import gettext, override, pgettext

CATALOGUE = Path("portal/locale/ja/LC_MESSAGES/django.po")
SOURCES = ("portal", "machines", "routing", "templates")

pytestmark = pytest.mark.slow


def test_every_string_of_the_sources_has_its_japanese(tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    needs_program("xgettext")
    for folder in SOURCES:
        shutil.copytree(folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy("manage.py", tmp_path)
    command = [sys.executable, "manage.py", "makemessages", "--locale", "ja", "--no-obsolete"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "portal.settings", "KIRIKAE_DATA_DIR": str(tmp_path / "data")}

    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)

    report = ["msgfmt", "--check", "--statistics", "-o", str(tmp_path / "out.mo"), str(tmp_path / CATALOGUE)]
    told = subprocess.run(report, env=os.environ | {"LC_ALL": "C"}, check=True, capture_output=True, text=True).stderr
    assert "untranslated" not in told, told + untranslated(tmp_path / CATALOGUE)
    assert "fuzzy" not in told, told + untranslated(tmp_path / CATALOGUE)


def untranslated(catalogue: Path) -> str:
    selections = ("--untranslated", "--only-fuzzy")
    commands = (["msgattrib", selection, "--no-wrap", str(catalogue)] for selection in selections)
    return "".join(subprocess.run(command, capture_output=True, text=True, check=True).stdout for command in commands)


def test_the_compiled_catalogue_is_current(tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    compiled = tmp_path / "django.mo"

    subprocess.run([needs_program("msgfmt"), "--check", "-o", compiled, CATALOGUE], check=True)

    assert compiled.read_bytes() == CATALOGUE.with_suffix(".mo").read_bytes()


def test_no_translator_has_a_name_that_the_collector_does_not_know() -> None:
    """xgettext looks for the functions by name: what another name translates stays English, and nothing tells."""
    aliases = re.compile(r"^from django.utils.translation import n?p?gettext\w* as (?!_$)", re.MULTILINE)
    sources = [path for folder in SOURCES[:3] for path in Path(folder).rglob("*.py")]

    found = [str(path) for path in sources if aliases.search(path.read_text(encoding="utf-8"))]

    assert sources
    assert found == []


def test_japanese_counters_stand_close_to_their_number() -> None:
    """「3つ」, not 「3 つ」. Units of measure keep their space: 「58 秒」, 「51.5 GB」."""
    counters = re.compile(r"^msgstr.*(?:\d|\)[sd]|\}) (?:つ|件|台|回|人|個|日|週間|文字|行|桁|通り|階層)", re.MULTILINE)

    found = counters.findall(CATALOGUE.read_text(encoding="utf-8"))

    assert found == []


def test_words_of_two_meanings_have_both_in_japanese() -> None:
    """One English word, two Japanese ones: what waits for an answer is not what waits to be sent."""
    with override("ja"):
        assert (gettext("Waiting"), pgettext("a request, for an answer", "Waiting")) == ("送信待ち", "回答待ち")
        assert (gettext("Good"), pgettext("a model's rating", "Good")) == ("正常", "良い")
