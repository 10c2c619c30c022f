"""The kernel's filter, run by hand for each machine; the real kernel runs it in test_namespace."""

import errno
import socket

import pytest
from kirikae.confining.system_calls import filter_of

X86_64, AARCH64, I386 = 0xC000003E, 0xC00000B7, 0x40000003
ALLOWED, REFUSED = 0x7FFF0000, 0x00050000 | errno.EPERM


def judge(machine: str, *, architecture: int, number: int, arguments: tuple[int, int] = (0, 0)) -> int:
    """What the filter answers to this call."""
    data = {0: number, 4: architecture, 16: arguments[0], 24: arguments[1]}
    steps, place, word = filter_of(machine), 0, 0
    while True:
        code, yes, no, value = steps[place]
        place += 1
        if code == 0x06:
            return value
        if code == 0x20:
            word = data[value]
        elif code == 0x54:
            word &= value
        else:
            holds = word == value if code == 0x15 else word >= value
            place += yes if holds else no


@pytest.mark.parametrize(
    ("machine", "architecture", "opening", "pairing"), [("x86_64", X86_64, 41, 53), ("aarch64", AARCH64, 198, 199)]
)
def test_only_sockets_of_the_internets_protocols_are_opened(
    machine: str, architecture: int, opening: int, pairing: int
) -> None:
    def is_allowed(number: int, *arguments: int) -> bool:
        first, second = (*arguments, 0, 0)[:2]
        answer = judge(machine, architecture=architecture, number=number, arguments=(first, second))
        assert answer in {ALLOWED, REFUSED}
        return answer == ALLOWED

    assert [family for family in range(64) if is_allowed(opening, family)] == [2, 10, 16]
    assert is_allowed(pairing, socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    assert not is_allowed(pairing, socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    assert [number for number in range(500) if number not in {opening, pairing} and not is_allowed(number)] == [425]


def test_calls_by_another_table_are_refused() -> None:
    assert judge("x86_64", architecture=I386, number=102) == REFUSED
    assert judge("x86_64", architecture=X86_64, number=0x40000000 | 41, arguments=(2, 1)) == REFUSED
