"""A server that speaks OpenAI's API and is none we know: its models are listed, where they run is unknown."""

from __future__ import annotations

from kirikae.collect.runtime_facts import Model, Runtime, entries_of, text_of
from kirikae.fetch import Response

KIND = "openai_compatible"


def find_runtime(base_url: str, listing: Response) -> Runtime | None:
    """None when the answer is not a list of models."""
    document = listing.json() if listing.status == 200 else None
    if not isinstance(document, dict) or not isinstance(document.get("data"), list):
        return None
    models = tuple(Model(name=name) for entry in entries_of(document, "data") if (name := text_of(entry, "id")))
    return Runtime(KIND, base_url, "up", models=models)
