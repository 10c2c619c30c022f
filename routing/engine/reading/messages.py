"""What reports and heartbeats say of themselves: which message of which start it is, and where the agent answers."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from ..named_tuple import NamedTuple
from .shapes import ObjectReader

ANNOUNCEMENTS = ("sleep", "wake")
_POLL_ADDRESS = "http://, an IP address, a colon and a port, such as http://10.0.0.7:7411"
_TOKEN_LENGTH = 200


class Origin(NamedTuple):
    """`sequence` grows by one per message within one start of the agent. None: an agent that does not count."""

    boot_id: str
    sequence: int


class PollOffer(NamedTuple):
    """Where the agent answers `GET /health`, and the token that it wants there."""

    host: str
    port: int
    token: str

    def __repr__(self) -> str:
        return f"PollOffer({self.host!r}, {self.port})"


def read_origin(reader: ObjectReader) -> Origin | None:
    """`boot_id` and `sequence` come together or not at all."""
    boot_id = reader.optional_text("boot_id", max_length=32)
    sequence = reader.optional_integer("sequence", low=1)
    if boot_id is None and sequence is None:
        return None
    if boot_id is None or len(boot_id) != 32 or not set(boot_id) <= set("0123456789abcdef"):
        reader.wrong(reader.at("boot_id"), found=boot_id, allowed="32 digits of 0-9 and a-f")
    elif sequence is None:
        reader.wrong(reader.at("sequence"), found=None, allowed="a whole number from 1 beside boot_id")
    else:
        return Origin(boot_id=boot_id, sequence=sequence)
    return None


def read_announcement(reader: ObjectReader) -> str | None:
    return reader.optional_choice("announce", ANNOUNCEMENTS)


def read_poll_offer(reader: ObjectReader) -> PollOffer | None:
    """`{"address": "http://IP:PORT", "token": "…"}` or null. Neither is ever quoted."""
    if reader.take("poll", None) is None:
        return None
    inner = reader.reader("poll")
    address = inner.text("address", max_length=80)
    token = inner.text("token", max_length=_TOKEN_LENGTH)
    inner.close()
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        inner.problems.add(
            inner.at("token"), "field.invalid", found="something else", allowed="visible ASCII without spaces"
        )
    place = _read_place(address)
    if place is None:
        inner.problems.add(inner.at("address"), "field.invalid", found="something else", allowed=_POLL_ADDRESS)
        return None
    return PollOffer(host=place[0], port=place[1], token=token)


def _read_place(address: str) -> tuple[str, int] | None:
    """Only the one way to write an IP address: `127.1`, `0x7f000001` and zone ids are none."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
        canonical = str(ip_address(host))
    except ValueError:
        return None
    if not port or host != canonical or "%" in host:
        return None
    written = f"[{host}]" if ":" in host else host
    return (host, port) if address.rstrip("/") == f"http://{written}:{port}" else None
