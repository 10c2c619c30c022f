"""How a launch goes on: this process runs the client; in the resident agent, the wrapper that asked runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

type HandOver = Callable[[str, Sequence[str], Mapping[str, str], str, str], NoReturn]
type Decline = Callable[[], NoReturn]


class _Way:
    """One process either is the wrapper or is not."""

    hand_over: HandOver | None = None
    decline: Decline | None = None


def become_client(
    program: str, arguments: Sequence[str], environment: Mapping[str, str], *, note: str, server: str = ""
) -> int:
    """Runs the client to its end; its exit code. `note` is the file from which its later receipts are made.

    `server`: host and port of the only server that it may reach; empty where nothing is to be kept from it this way.
    """
    if _Way.hand_over is not None:
        _Way.hand_over(program, arguments, environment, note, server)
    from kirikae.launching.supervising import supervise  # noqa: PLC0415 - the resident agent never runs a client

    return supervise(program, arguments, environment, note=note, server=server)


def need_time() -> None:
    """Called before what may take minutes: the resident agent then leaves the whole command to the wrapper."""
    if _Way.decline is not None:
        _Way.decline()


def hand_over_by(hand_over: HandOver, *, decline: Decline) -> None:
    """For the resident agent, which must not run a client, nor keep a wrapper waiting."""
    _Way.hand_over, _Way.decline = hand_over, decline
