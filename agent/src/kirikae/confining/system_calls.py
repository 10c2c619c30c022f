"""Linux: forbids a process, and all that it becomes and starts, sockets by which other programs could act for it.

A socket of the file system passes every border of a network: Docker, the session's bus or a terminal multiplexer would
run a command outside it. So the kernel is asked for those of the internet's protocols alone, and for pairs of connected
sockets, as pipes are; one of a pair for datagrams could still be sent from to any name.
"""

import ctypes
import errno
import os

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER_MODE = 38, 22, 2
# Instructions of the kernel's packet filter: load a word, compare, answer.
_LOAD, _AND, _EQUAL, _AT_LEAST, _ANSWER = 0x20, 0x54, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _FAMILY, _TYPE = 0, 4, 16, 24
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
# By machine: the kernel's name of it, the numbers of `socket` and `socketpair`.
_MACHINES = {"x86_64": (0xC000003E, 41, 53), "aarch64": (0xC00000B7, 198, 199)}
# Where another table of calls begins, on a machine that has one.
_OTHER_TABLE = 0x40000000
_INET, _INET6, _NETLINK = 2, 10, 16
_DATAGRAMS, _KINDS = 2, 0xF
# It opens and connects sockets too, past this filter. The same number on every machine.
_IO_URING_SETUP = 425
# Opened here: in a copy of a process that had threads, what opens libraries may be locked for ever.
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def forbid_other_sockets() -> None:
    """Raises OSError, on a machine whose calls are not known here too."""
    machine = os.uname().machine
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, machine)
    instructions = [_Instruction(*one) for one in filter_of(machine)]
    program = _Program(len(instructions), (_Instruction * len(instructions))(*instructions))
    # The kernel takes a filter of a user without rights only from a process that can gain none.
    steps = ((_PR_SET_NO_NEW_PRIVS, 1, 0), (_PR_SET_SECCOMP, _FILTER_MODE, ctypes.addressof(program)))
    for step in steps:
        if _LIBC.prctl(*map(ctypes.c_ulong, (*step, 0, 0))) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def filter_of(machine: str) -> tuple[tuple[int, int, int, int], ...]:
    """(code, steps to go on when yes, when no, value). Calls of another kind of program are refused altogether."""
    architecture, opening, pairing = _MACHINES[machine]
    return (
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 0, 12, architecture),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 10, 0, _OTHER_TABLE),
        (_EQUAL, 9, 0, _IO_URING_SETUP),
        (_EQUAL, 5, 0, pairing),
        (_EQUAL, 0, 8, opening),
        (_LOAD, 0, 0, _FAMILY),
        (_EQUAL, 6, 0, _INET),
        (_EQUAL, 5, 0, _INET6),
        (_EQUAL, 4, 3, _NETLINK),
        (_LOAD, 0, 0, _TYPE),
        (_AND, 0, 0, _KINDS),
        (_EQUAL, 0, 1, _DATAGRAMS),
        (_ANSWER, 0, 0, _REFUSE | errno.EPERM),
        (_ANSWER, 0, 0, _ALLOW),
    )
