"""Reads of routing by name."""

from routing.bundles import SignedBundle, get_current_bundle

__all__ = ["SignedBundle", "get_current_bundle"]
