"""What wrapper and resident agent say to each other: one request, one hello, one reply.

The hello says that a process was started for this request; without it the wrapper waits no longer.
"""

import os
from collections.abc import Mapping, Sequence

HELLO = b"k"
EXIT, BECOME, ALONE = b"exit", b"become", b"alone"


class Request:
    """`given` is what the command reads from standard input. No named tuple: `typing` costs the wrapper 4 ms."""

    def __init__(
        self, version: str, folder: str, given: bytes, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self.version, self.folder, self.given = version, folder, given
        self.arguments, self.environment = arguments, environment


def request_fields(request: Request) -> list[bytes]:
    return [
        request.version.encode(),
        os.fsencode(request.folder),
        request.given,
        str(len(request.arguments)).encode(),
        *map(os.fsencode, request.arguments),
        *_pairs(request.environment),
    ]


def read_request(fields: Sequence[bytes]) -> Request:
    """Raises ValueError and IndexError."""
    version, folder, given, count = fields[0].decode(), os.fsdecode(fields[1]), fields[2], int(fields[3])
    rest = [os.fsdecode(field) for field in fields[4:]]
    return Request(version, folder, given, rest[:count], dict(_split(pair) for pair in rest[count:]))


def exit_fields(code: int, output: str, errors: str) -> list[bytes]:
    return [EXIT, str(code).encode(), os.fsencode(output), os.fsencode(errors)]


def become_fields(
    program: str, arguments: Sequence[str], environment: Mapping[str, str], *, texts: tuple[str, str, str, str]
) -> list[bytes]:
    """`texts`: what was printed, what was printed on stderr, the file for later receipts, the only server to reach."""
    head = [BECOME, os.fsencode(program), *map(os.fsencode, texts), str(len(arguments)).encode()]
    return [*head, *map(os.fsencode, arguments), *_pairs(environment)]


def read_become(fields: Sequence[bytes]) -> tuple[bytes, list[bytes], dict[bytes, bytes]]:
    """(program, arguments, environment) of a `become` reply, as bytes for the system."""
    count = int(fields[6])
    pairs = (pair.partition(b"=") for pair in fields[7 + count :])
    return fields[1], list(fields[7 : 7 + count]), {name: value for name, _, value in pairs}


def _pairs(environment: Mapping[str, str]) -> list[bytes]:
    return [os.fsencode(f"{name}={value}") for name, value in environment.items()]


def _split(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return name, value
