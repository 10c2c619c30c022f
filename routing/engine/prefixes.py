"""What a client puts in front of the task, in tokens: its system prompt and its tools, by client, mode and profile."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from .reading.shapes import ObjectReader
from .request import Client, ClientMode, ClientName


class PrefixProfile(StrEnum):
    """`full`: the client as it comes; `slim`: a few tools; `hardened`: the recipe for protected work."""

    FULL = "full"
    SLIM = "slim"
    HARDENED = "hardened"


class ClientPrefixes(NamedTuple):
    by_client: Mapping[tuple[ClientName, ClientMode], Mapping[PrefixProfile, int]]

    def is_known(self, client: Client | None) -> bool:
        return client is not None and any(name == client.name for name, _ in self.by_client)

    def tokens(self, client: Client | None, profile: PrefixProfile) -> int:
        """The largest number that may be meant: of all modes for an unknown mode, of all clients for an unknown one."""
        rows = self.by_client.items()
        fitting = [
            row
            for (name, mode), row in rows
            if client is not None and client.name == name and client.mode in (mode, None)
        ]
        return max((row[profile] for row in fitting or self.by_client.values()), default=0)


def parse_prefixes(reader: ObjectReader) -> ClientPrefixes:
    """Reads `{client: {mode: {profile: tokens}}}`; clients that this engine does not know are passed over."""
    by_client: dict[tuple[ClientName, ClientMode], Mapping[PrefixProfile, int]] = {}
    for name in ClientName:
        if reader.take(name, None) is None:
            continue
        client = reader.reader(name)
        for mode in ClientMode:
            row = client.reader(mode)
            by_client[name, mode] = {profile: row.integer(profile, high=10_000_000) for profile in PrefixProfile}
    return ClientPrefixes(by_client)
