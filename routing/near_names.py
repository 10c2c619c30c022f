"""Names that look alike: a client's second repository, or a slip of the pen in a pattern. Plain text, nothing else."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import islice

# Shorter words, and those of everybody's hosts and repositories, say nothing of whose work it is.
LEAST_LETTERS = 4
COMMON = frozenset(
    (
        "github", "gitlab", "bitbucket", "codeberg", "gitea", "example", "local", "internal", "company", "repos",
        "project", "projects", "mobile", "frontend", "backend", "server", "client", "tools", "docs", "test", "tests",
        "infra", "main", "source", "code",
    )
)  # fmt: skip
# From here on two words count as one that was misspelt: `acme-pay` and `acme-pya`, not `acme` and `acne-studio`.
ALIKE = 0.8

# A rule with more telling words than this is no slip of the pen, and each one is held against every name.
WORDS = 12

_WORD = re.compile(r"[^\W_]+")


def find_near(names: Iterable[str], *, like: Iterable[str], limit: int) -> list[str]:
    """Those of the names that share a telling word with one of the patterns, or have one that is spelt nearly so."""
    wanted = list(dict.fromkeys(word for pattern in like for word in sorted(telling_words(pattern))))[:WORDS]
    near = (name for name in names if any(_is_alike(word, one) for word in telling_words(name) for one in wanted))
    return list(islice(near, limit))


@lru_cache(maxsize=4096)
def telling_words(name: str) -> frozenset[str]:
    words = {word.casefold() for word in _WORD.findall(name)}
    return frozenset(word for word in words if len(word) >= LEAST_LETTERS and word not in COMMON)


def _is_alike(word: str, other: str) -> bool:
    if word in other or other in word:
        return True
    # The quick ratios are upper bounds that cost a fraction.
    matcher = SequenceMatcher(None, word, other)
    return all(ratio() >= ALIKE for ratio in (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio))
