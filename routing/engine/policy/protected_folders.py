"""The folders that a policy's restricting rules name, as its author wrote them."""

from collections.abc import Sequence


class ProtectedFolders:
    """One object for each policy and compared as such, so that what is made of it can be kept."""

    __slots__ = ("patterns",)

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = tuple(dict.fromkeys(patterns))
