"""The catalogue as a YAML file: `{models: [...]}`, in and out."""

import yaml

from machines.catalogue.entries import Entry, entries_from_document
from routing.engine.errors import WireError

MAX_BYTES = 4 * 1024 * 1024


def read_catalogue_file(content: bytes) -> list[Entry]:
    """Raises WireError. Aliases are refused: ten lines of them can stand for gigabytes."""
    if len(content) > MAX_BYTES:
        raise WireError(
            code="file.too_large", detail=f"The file has {len(content)} bytes; at most {MAX_BYTES} are taken."
        )
    try:
        text = content.decode("utf-8-sig")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise WireError(code="file.alias", detail="The file uses YAML aliases; write the values out.")
        document = yaml.safe_load(text)
    except (UnicodeDecodeError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise WireError(code="file.malformed", detail="The file is not YAML in UTF-8.") from error
    return entries_from_document(document)


def write_catalogue_file(entries: list[Entry]) -> str:
    return yaml.safe_dump(
        {"models": [entry.document() for entry in entries]}, sort_keys=False, allow_unicode=True, width=110
    )
