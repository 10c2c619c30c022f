"""mlx_lm.server: no version, no sizes and no Messages API in its answers; the model folders on this disk tell more."""

from __future__ import annotations

from pathlib import Path, PurePath

from kirikae.collect.hugging_face import describe_folder, find_folder
from kirikae.collect.runtime_facts import Model, Runtime, entries_of, known_model, text_of
from kirikae.fetch import Response, fetch

KIND = "mlx_lm"
HEALTHY = {"status": "ok"}
ENTRY_FIELDS = {"id", "object", "created"}


def find_runtime(base_url: str, listing: Response | None, *, deadline: float, known: Runtime | None) -> Runtime | None:
    """`listing` is the answer of /v1/models, None when the server broke it off: without a cache folder it does.

    All of it must fit, as these models count as local: a proxy to a cloud may well answer one of these routes so.
    """
    if listing is not None and not listing.headers.get("server", "").startswith("BaseHTTP/"):
        return None
    health = fetch(f"{base_url}/health", deadline=deadline)
    if not health.headers.get("server", "").startswith("BaseHTTP/") or health.found() != HEALTHY:
        return None
    document = listing.found() if listing is not None else None
    if listing is not None and listing.body and not isinstance(document, dict):
        return None
    entries = entries_of(document, "data")
    if any(set(entry) != ENTRY_FIELDS for entry in entries):
        return None
    models = tuple(_model(name, known) for entry in entries if (name := text_of(entry, "id")))
    return Runtime(KIND, base_url, "up", messages_api=False, models=models)


def _model(name: str, known: Runtime | None) -> Model:
    """A model that was named by its folder is the one that the server was started with; folders are not told."""
    is_folder = name.startswith("/")
    shown = PurePath(name).name if is_folder else name
    kept = known_model(known, shown)
    if kept is not None and kept.size_bytes is not None and kept.loaded == is_folder:
        return kept
    folder = Path(name) if is_folder else find_folder(name)
    return describe_folder(shown, folder, loaded=is_folder) if folder else Model(shown, format="mlx", remote=False)
