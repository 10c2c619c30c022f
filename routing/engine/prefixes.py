"""What a client puts in front of the task, in tokens: its system prompt and its tools, by client, mode and profile."""

from enum import StrEnum

from .named_tuple import NamedTuple
from .reading.shapes import ObjectReader
from .request import Client, ClientMode, ClientName


class PrefixProfile(StrEnum):
    """`full`: the client as it comes; `slim`: a few tools; `hardened`: the recipe for protected work."""

    FULL = "full"
    SLIM = "slim"
    HARDENED = "hardened"


class PrefixRow(NamedTuple):
    """The tokens of one client in one mode, by profile."""

    client: ClientName
    mode: ClientMode
    full: int
    slim: int
    hardened: int

    def tokens(self, profile: PrefixProfile) -> int:
        return (self.full, self.slim, self.hardened)[_PROFILES.index(profile)]


_PROFILES = tuple(PrefixProfile)


class ClientPrefixes(NamedTuple):
    rows: tuple[PrefixRow, ...]

    def is_known(self, client: Client | None) -> bool:
        return client is not None and client.name in [row.client for row in self.rows]

    def tokens(self, client: Client | None, profile: PrefixProfile) -> int:
        """The largest number that may be meant: of all modes for an unknown mode, of all clients for an unknown one."""
        rows = self.rows
        if client is not None:
            rows = tuple([row for row in rows if row.client == client.name and client.mode in (row.mode, None)]) or rows
        return max([row.tokens(profile) for row in rows], default=0)


def parse_prefixes(reader: ObjectReader) -> ClientPrefixes:
    """Reads `{client: {mode: {profile: tokens}}}`; clients that this engine does not know are passed over."""
    rows = []
    for name in ClientName:
        if reader.take(name, None) is None:
            continue
        client = reader.reader(name)
        for mode in ClientMode:
            row = client.reader(mode)
            rows.append(PrefixRow(name, mode, *[row.integer(profile, high=10_000_000) for profile in PrefixProfile]))
    return ClientPrefixes(tuple(rows))
