"""What wrapper and resident agent say to each other: one request, one hello, one reply.

The hello says that a process was started for this request; without it the wrapper waits no longer.
"""

import os
from collections.abc import Mapping, Sequence

HELLO = b"k"
EXIT, BECOME, ALONE = b"exit", b"become", b"alone"


def request_fields(version: str, folder: str, arguments: Sequence[str], environment: Mapping[str, str]) -> list[bytes]:
    return [
        version.encode(),
        os.fsencode(folder),
        str(len(arguments)).encode(),
        *map(os.fsencode, arguments),
        *_pairs(environment),
    ]


def read_request(fields: Sequence[bytes]) -> tuple[str, str, list[str], dict[str, str]]:
    """(version, folder, arguments, environment). Raises ValueError and IndexError."""
    version, folder, count = fields[0].decode(), os.fsdecode(fields[1]), int(fields[2])
    rest = [os.fsdecode(field) for field in fields[3:]]
    return version, folder, rest[:count], dict(_split(pair) for pair in rest[count:])


def exit_fields(code: int, output: str, errors: str) -> list[bytes]:
    return [EXIT, str(code).encode(), os.fsencode(output), os.fsencode(errors)]


def become_fields(
    program: str, arguments: Sequence[str], environment: Mapping[str, str], *, texts: tuple[str, str, str]
) -> list[bytes]:
    """`texts`: what was printed, what was printed on stderr, the file for later receipts."""
    head = [BECOME, os.fsencode(program), *map(os.fsencode, texts), str(len(arguments)).encode()]
    return [*head, *map(os.fsencode, arguments), *_pairs(environment)]


def read_become(fields: Sequence[bytes]) -> tuple[bytes, list[bytes], dict[bytes, bytes]]:
    """(program, arguments, environment) of a `become` reply, as bytes for the system."""
    count = int(fields[5])
    pairs = (pair.partition(b"=") for pair in fields[6 + count :])
    return fields[1], list(fields[6 : 6 + count]), {name: value for name, _, value in pairs}


def _pairs(environment: Mapping[str, str]) -> list[bytes]:
    return [os.fsencode(f"{name}={value}") for name, value in environment.items()]


def _split(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return name, value
