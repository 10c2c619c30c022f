"""What an article says of these models, and whether it holds. Sentences stand in both languages in one data file."""

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from django.conf import settings
from django.utils.translation import get_language

FILE = settings.BASE_DIR / "routing" / "data" / "claims.json"


class ClaimVerdict(StrEnum):
    RIGHT = "right"
    DEPENDS = "depends"
    HALF = "half"
    WRONG = "wrong"


@dataclass(frozen=True)
class Claim:
    """`model` is a name of the catalogue, None for a claim on no model alone. Texts by language."""

    id: str
    model: str | None
    verdict: ClaimVerdict
    texts: dict[str, str]
    reasons: dict[str, str]

    @property
    def text(self) -> str:
        return self.texts[_language()]

    @property
    def why(self) -> str:
        return self.reasons[_language()]


@cache
def list_claims() -> tuple[Claim, ...]:
    rows = json.loads(FILE.read_text(encoding="utf-8"))["claims"]
    return tuple(
        Claim(row["id"], row["model"], ClaimVerdict(row["verdict"]), texts=row["claim"], reasons=row["why"])
        for row in rows
    )


def claims_of(model: str) -> tuple[Claim, ...]:
    return tuple(claim for claim in list_claims() if claim.model == model)


def _language() -> str:
    return "ja" if (get_language() or "en").startswith("ja") else "en"
