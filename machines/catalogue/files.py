"""The catalogue as a YAML file: `{models: [...]}`, in and out."""

from machines.catalogue.entries import Entry, entries_from_document
from portal.common.yaml_files import read_yaml, write_yaml
from routing.engine.facts import raise_first


def read_catalogue_file(content: bytes) -> list[Entry]:
    """Raises WireError."""
    document, problems = read_yaml(content)
    raise_first(problems)
    return entries_from_document(document)


def write_catalogue_file(entries: list[Entry]) -> str:
    return write_yaml({"models": [entry.document() for entry in entries]})
