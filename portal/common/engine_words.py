"""What the engine says of documents and proofs, in the reader's language. The engine itself speaks English alone.

Its texts are the keys here, with names for what they were filled with. A text that is not here stays as it is.
"""

import re
from collections.abc import Iterable
from functools import cache

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

from portal.common.problem_texts import TEXTS
from routing.engine.errors import Problem, WireError

# Where people are told it in other words than callers of the API.
REWORDED = {
    "nothing: only remotes can loosen": _("nothing: only remotes can open a project"),
    "** only as a whole segment": _("** only as a whole part of the path"),
    "each id once": _("each code once"),
    "'%(code)s' again": _("“%(code)s” once more"),
}
# What a field holds, and what it may hold.
VALUES = (
    _("a day such as 2027-03-31"),
    _("a field that is not known here"),
    _("a list"),
    _("a name such as Asia/Tokyo or UTC"),
    _("a number from %(low)s to %(high)s"),
    _("a number too long to read"),
    _("a rule that permits exceptions"),
    _("a smaller number"),
    _("a tag"),
    _("a text"),
    _("a text of 1 to %(high)s characters"),
    _("a text of %(length)s characters"),
    _("a text with NUL or half of a surrogate pair"),
    _("a text with characters that are not shown"),
    _("a time such as 09:30"),
    _("a time with its zone, such as 2026-11-25T09:30:00Z"),
    _("a value"),
    _("a whole hash, 40 or 64 digits"),
    _("a whole number from %(low)s to %(high)s"),
    _("an object"),
    _("at least one condition"),
    _("at least one pattern"),
    _("at most %(most)s bytes"),
    _("at most %(most)s levels"),
    _("at most %(most)s values"),
    _("byte %(place)s"),
    _("each key once"),
    _("each name once"),
    _("host/path, such as github.com/acme/**"),
    _("more than from_gb"),
    _("more than %(most)s bytes"),
    _("more than %(most)s levels"),
    _("more than %(most)s values"),
    _("names of 1 to %(high)s characters"),
    _("no condition"),
    _("no exception"),
    _("no pattern"),
    _("no rule is there to except"),
    _("nothing"),
    _("one line of visible text"),
    _("one of backend, not, effect, reason"),
    _("small letters, digits and hyphens"),
    _("small letters, digits, '.', '_' and '-', and not 'new'"),
    _("something else"),
    _("the name of each quantization, once"),
    _("the repository, its wiki goes with it"),
    _("true or false"),
    _("UTF-8 text"),
    _("valid YAML"),
    _("values without tags"),
    _("~/folder/** or /folder/**"),
    _("'%(key)s' again, first on line %(line)s"),
    _("%(low)s to %(high)s entries"),
    _("%(count)s entries"),
    _("%(count)s bytes"),
    _("(not a text)"),
    # Of the parser of YAML.
    _("aliases are not allowed; write the value out"),
    _("mapping values are not allowed here"),
    _("could not find expected ':'"),
    _("expected <block end>, but found '%(token)s'"),
    _("found character '%(character)s' that cannot start any token"),
    _("found unexpected end of stream"),
)
PLACES = (_("the document"), _("line %(line)s"))
SENTENCES = (
    # Of Python's reader of JSON, within a sentence of the engine.
    _("Expecting ',' delimiter"),
    _("Expecting ':' delimiter"),
    _("Expecting property name enclosed in double quotes"),
    _("Expecting value"),
    _("Extra data"),
    _("Illegal trailing comma before end of array"),
    _("Illegal trailing comma before end of object"),
    _("Invalid control character at"),
    _("Unterminated string starting at"),
    # Of the engine.
    _("A number has %(count)s characters."),
    _("A number is too large or has too many digits."),
    _("A text holds NUL or half of a surrogate pair."),
    _("The body has %(found)s bytes; at most %(most)s are taken."),
    _("The body is not JSON: %(problem)s at line %(line)s, column %(column)s."),
    _("The body is not UTF-8 from byte %(place)s on."),
    _("The body nests deeper than %(most)s levels."),
    _("The key %(key)s stands twice in one object."),
    _("There is no task category '%(task)s'; known: %(known)s."),
    _("%(name)s is not JSON."),
)
# What a proof says of the requests that it tried; a sample may hold others.
SAMPLES = (
    _("%(sample)s, with %(more)s"),
    _("%(sample)s, rewritten to %(more)s"),
    _("%(sample)s, cut short"),
    _("%(sample)s, no remote"),
    _("%(address)s (ssh with a port)"),
    _("%(address)s (other case)"),
    _("%(address)s (ssh alias)"),
    _("%(address)s (resolved ssh alias)"),
    _("%(address)s (neighbour)"),
    _("%(address)s (other host)"),
    _("root commit"),
    _("marker %(marker)s"),
    _("folder %(folder)s"),
    _("label %(label)s"),
    _("nothing known"),
    _("no remote"),
    _("a repository that no rule names"),
    _("a local repository"),
    _("a local mirror"),
    _("all signals"),
    _("remotes not collected"),
    _("a fork under another name"),
    _("an ssh alias"),
    _("only the remote"),
    _("a shallow clone"),
    _("a shallow clone of a fork"),
    _("a copied folder"),
    _("the parent folder"),
)
_ESCAPED_PLACEHOLDER = re.compile(r"%\\\((\w+)\\\)s")
_FOUND_AND_ALLOWED = re.compile(r"(?P<path>.+?): found (?P<found>.+); allowed: (?P<allowed>.+)\.", re.DOTALL)


def value_in_words(text: str) -> str:
    """Of `found` or `allowed`; what was typed stands as it is."""
    # What the engine says instead of a value comes in the quotes of a value.
    inner = text[1:-1] if text[:1] == text[-1:] == "'" and text[1:-1] in ("no pattern", "no condition") else text
    return _in_words(inner, (*REWORDED, *VALUES))


def problem_in_words(problem: Problem) -> dict[str, str]:
    """`path`, `found` and `allowed` in the reader's language; patterns and names stand as they were typed."""
    return {
        "path": _in_words(problem.path or "the document", PLACES),
        "found": value_in_words(problem.found),
        "allowed": value_in_words(problem.allowed),
    }


def sentence_of(problem: Problem) -> str:
    return gettext("%(path)s: found %(found)s; allowed: %(allowed)s.") % problem_in_words(problem)


def problems_in_words(problems: Iterable[Problem]) -> str:
    """One sentence each, with its place in the policy."""
    return " ".join(map(sentence_of, problems))


def error_in_words(error: WireError) -> str:
    """Its sentence; where there is none in the language, what its code means."""
    if not (get_language() or "en").startswith("ja"):
        return error.detail
    if told := _FOUND_AND_ALLOWED.fullmatch(error.detail):
        return sentence_of(Problem(code=error.code, **told.groupdict()))
    found = _in_words(error.detail, SENTENCES)
    return found if found != error.detail else str(TEXTS.get(error.code, error.detail))


def sample_in_words(text: str) -> str:
    return _in_words(text, SAMPLES)


def _in_words(text: str, templates: tuple[str, ...]) -> str:
    for template in templates:
        if found := _pattern(template).fullmatch(text):
            parts = {name: _part(name, part, templates) for name, part in found.groupdict().items()}
            told = gettext(REWORDED.get(template, template))
            return told % parts if parts else told
    return text


def _part(name: str, text: str, templates: tuple[str, ...]) -> str:
    return _in_words(text, templates) if name in ("sample", "more", "problem") else text


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(_ESCAPED_PLACEHOLDER.sub(r"(?P<\1>.+)", re.escape(template)), re.DOTALL)
