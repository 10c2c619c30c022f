"""The query parameters of `GET /api/v1/decide` as the document that a POST would send."""

from django.http import QueryDict

from portal.common.problems import Problem

# Parameter: the key of the project that its values are listed under.
SIGNALS = {
    "remote": "remotes",
    "root_commit": "root_commits",
    "marker": "markers",
    "path": "paths",
    "label": "labels",
}
TEXTS = ("task", "session", "client", "machine")
INTEGERS = ("context_tokens", "parallel_agents")
PARAMETERS = (*TEXTS, *SIGNALS, *INTEGERS, "need", "offline", "deadline_s")
_BOOLEANS = {"1": True, "true": True, "0": False, "false": False}


def document_from_query(query: QueryDict) -> dict[str, object]:
    """Raises Problem 400 for what no POST body could say either; the engine judges the rest."""
    _refuse_unknown(query)
    document: dict[str, object] = {name: _only(query, name) for name in TEXTS if name in query}
    project = {key: query.getlist(name) for name, key in SIGNALS.items() if name in query}
    if project:
        document["projects"] = [project]
    if "need" in query:
        document["needs"] = query.getlist("need")
    document |= {name: _number(query, name) for name in INTEGERS if name in query}
    if "offline" in query:
        document["offline"] = _boolean(query, "offline")
    if "deadline_s" in query:
        document["deadline_s"] = _number(query, "deadline_s", kind=float)
    return document


def _refuse_unknown(query: QueryDict) -> None:
    for name in query:
        if name not in PARAMETERS:
            known = ", ".join(PARAMETERS)
            raise Problem(400, "field.unknown", f"There is no parameter of that name; known: {known}.", name[:60])
        for value in query.getlist(name):
            # QueryDict turns broken UTF-8 into U+FFFD; the engine sees to the other odd characters.
            if "\x00" in value or "\ufffd" in value:
                raise Problem(400, "field.invalid", "The value holds characters that no signal has.", name)


def _only(query: QueryDict, name: str) -> str:
    values = query.getlist(name)
    if len(values) > 1:
        raise Problem(400, "field.repeated", f"Give '{name}' once; {len(values)} were found.", name)
    return values[0]


def _number(query: QueryDict, name: str, *, kind: type[int] | type[float] = int) -> int | float:
    found = _only(query, name)
    try:
        # A number longer than this is none that anybody means.
        return kind(found[:32])
    except ValueError as error:
        raise Problem(400, "field.invalid", f"'{name}' is no number.", name) from error


def _boolean(query: QueryDict, name: str) -> bool:
    found = _only(query, name).lower()
    if found not in _BOOLEANS:
        raise Problem(400, "field.invalid", f"'{name}' takes true or false.", name)
    return _BOOLEANS[found]
