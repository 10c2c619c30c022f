"""The four effects of privacy, strictest first, and the classification that follows from them."""

from collections.abc import Iterable
from enum import StrEnum


class Effect(StrEnum):
    """What the privacy stage permits. Declared strictest first; `strictest` relies on it."""

    BLOCK = "block"
    LOCAL_ONLY = "local_only"
    ORG_ONLY = "org_only"
    CLOUD_OK = "cloud_ok"

    @property
    def is_restricting(self) -> bool:
        return self is not Effect.CLOUD_OK


_RANK = {effect: rank for rank, effect in enumerate(Effect)}


def strictest(effects: Iterable[Effect]) -> Effect:
    """The strictest of at least one effect."""
    return min(effects, key=_RANK.__getitem__)


def is_stricter(effect: Effect, other: Effect) -> bool:
    return _RANK[effect] < _RANK[other]


class Classification(StrEnum):
    NDA = "nda"
    INTERNAL = "internal"
    OPEN = "open"
    UNCLASSIFIED = "unclassified"


CLASSIFICATION_OF = {
    Effect.BLOCK: Classification.NDA,
    Effect.LOCAL_ONLY: Classification.NDA,
    Effect.ORG_ONLY: Classification.INTERNAL,
    Effect.CLOUD_OK: Classification.OPEN,
}
