"""Bodies in chunks, as the servers of runtimes send them."""

from typing import override

import pytest
from kirikae.fetch import FetchError, _join_chunks


class Counted(bytes):
    """Counts what is copied out of it."""

    copied = 0

    @override
    def __getitem__(self, place: object) -> bytes:  # type: ignore[override]  # only slices are taken here
        part = bytes.__getitem__(self, place)  # type: ignore[call-overload]  # as above
        self.copied += len(part)
        return bytes(part)


def test_chunks_are_joined_whatever_stands_behind_their_size() -> None:
    assert _join_chunks(b'5;name="x"\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n') == b"hello0123456789"


@pytest.mark.parametrize("body", [b"", b"5\r\nhello", b"x\r\nhello\r\n0\r\n\r\n", b"-1\r\nh\r\n", b"1 h\r\n"])
def test_what_has_no_end_or_no_size_is_garbage(body: bytes) -> None:
    with pytest.raises(FetchError, match="garbage"):
        _join_chunks(body)


def test_of_a_hundred_thousand_chunks_each_byte_is_copied_once() -> None:
    body = Counted(b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n")

    assert _join_chunks(body) == b"x" * 100_000
    assert body.copied == 100_000
