"""The language in which commands speak to whoever types them, and words for what fails before there are settings.

What runs later uses Django's translations, which `portal.common.operator_commands` sets to the same language. Both read
one catalogue.
"""

import gettext as catalogues
import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"
_SAMPLE = "日本語"


def choose_language(environment: Mapping[str, str] = os.environ) -> str:
    """KIRIKAE_LANG, then the locale as the C library reads it: the client's order."""
    for name in ("KIRIKAE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name)
        if value:
            return "ja" if value.lower().startswith("ja") else "en"
    return "en"


def language_of_terminal() -> str:
    """English as well where the output has no Japanese letters: question marks help nobody."""
    try:
        for stream in (sys.stdout, sys.stderr):
            _SAMPLE.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return "en"
    return choose_language()


def gettext(text: str) -> str:
    return _catalogue(language_of_terminal()).gettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    return _catalogue(language_of_terminal()).ngettext(one, many, count)


def gettext_noop(text: str) -> str:
    """Marks a text for the catalogue where somebody else says it."""
    return text


def reason_of(error: OSError) -> str:
    """What the system says of the error, without a name of a file."""
    return gettext(error.strerror or type(error).__name__)


@cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    return catalogues.translation("django", LOCALE, languages=[language], fallback=True)


# Said by the system's C library (Linux and macOS) and quoted by `reason_of`.
_SYSTEM = (
    gettext_noop("Address already in use"),
    gettext_noop("Can't assign requested address"),
    gettext_noop("Cannot assign requested address"),
    gettext_noop("Disk quota exceeded"),
    gettext_noop("Broken pipe"),
    gettext_noop("File exists"),
    gettext_noop("File name too long"),
    gettext_noop("Input/output error"),
    gettext_noop("Is a directory"),
    gettext_noop("No space left on device"),
    gettext_noop("No such file or directory"),
    gettext_noop("Not a directory"),
    gettext_noop("Operation not permitted"),
    gettext_noop("Permission denied"),
    gettext_noop("Read-only file system"),
)
