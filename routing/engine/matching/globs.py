"""Patterns of segments: `*` within a segment, `**` across segments (zero or more). No regular expressions."""


def matches(pattern: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    """Whether the whole of `segments` is one of the pattern's."""
    return _match(pattern, segments)


def may_contain(pattern: tuple[str, ...], folder: tuple[str, ...]) -> bool:
    """Whether something below `folder` can be one of the pattern's, judged up to the first `**`.

    Past a `**` every folder could contain a match, so the pattern's head decides alone.
    """
    head = pattern[: pattern.index("**")] if "**" in pattern else pattern
    return len(folder) <= len(head) and all(map(matches_segment, head, folder))


def is_all_wildcards(pattern: tuple[str, ...]) -> bool:
    return all(not segment.strip("*") for segment in pattern)


def matches_segment(glob: str, text: str) -> bool:
    if "*" not in glob:
        return glob == text
    first, *middle, last = glob.split("*")
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    start, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, start, end)
        if found < 0:
            return False
        start = found + len(piece)
    return True


def _match(pattern: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    """Greedy with one point of return, as for `*` in a text: a later `**` makes earlier ones final."""
    at, position = 0, 0
    return_at, return_position = -1, 0
    while position < len(segments):
        if at < len(pattern) and pattern[at] == "**":
            return_at, return_position = at, position
            at += 1
        elif at < len(pattern) and matches_segment(pattern[at], segments[position]):
            at, position = at + 1, position + 1
        elif return_at >= 0:
            return_position += 1
            at, position = return_at + 1, return_position
        else:
            return False
    return all(segment == "**" for segment in pattern[at:])
