"""What the log must not keep: credentials that people put into the addresses of git remotes."""

import re

# `https://user:token@host/…` keeps its host and path; a query can hold a token as well.
_USERINFO = re.compile(r"(?<=://)[^/\s?#]*@")
_QUERY = re.compile(r"(://[^\s?#]*)[?#]\S*")


def redact(document: object) -> object:
    """The same JSON document with user names, passwords and queries cut out of every address in it."""
    if isinstance(document, str):
        return _QUERY.sub(r"\1", _USERINFO.sub("", document)) if "://" in document else document
    if isinstance(document, list):
        return [redact(item) for item in document]
    if isinstance(document, dict):
        return {key: redact(value) for key, value in document.items()}
    return document
