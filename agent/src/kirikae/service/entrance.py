"""The portal's entrance for agents: a port of its host where their messages keep nobody waiting.

The portal names it in its answers. It may be out of reach where the portal is not, behind a firewall say: then messages
go to the portal's address, and for a while it is not tried again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Final

from kirikae.errors import PortalError

SHUT_S = 900.0
MAX_PORT = 65_535
# As the portal's problems are named. Other servers say `"code": 404`.
PROBLEM = re.compile(r"[a-z_]+(\.[a-z_]+)+")
TOO_MANY, BROKEN_FROM = 429, 500

type Post = Callable[[int | None], dict[str, object]]

# How a message fared at the entrance: it was answered, it waited in vain, or it went to the portal's address instead.
THROUGH: Final = "through"
SLOW: Final = "slow"
ROUND: Final = "round"


@dataclass(frozen=True)
class Entrance:
    """`port` is None where there is none. `is_known`: it has answered, and was not too slow since.

    `portal` is the address whose entrance it is: after another enrolment the new token must not go there.
    """

    port: int | None = None
    is_known: bool = False
    portal: object = None
    # By the monotonic clock.
    shut_until: float = 0.0

    def port_at(self, now: float) -> int | None:
        return None if now < self.shut_until else self.port

    def of(self, portal: object) -> Entrance:
        return self if portal == self.portal else Entrance(portal=portal)

    def after(self, now: float, answer: Mapping[str, object]) -> Entrance:
        """`answer` is the portal's, or what failed, with its `portal` and with `passed` as `send` tells it."""
        entrance, passed = self.of(answer.get("portal", self.portal)), answer.get("passed")
        if passed == THROUGH:
            entrance = replace(self, is_known=True)
        elif passed == SLOW:
            entrance = replace(self, is_known=False)
        elif passed == ROUND:
            # One that is known may be just starting anew.
            entrance = replace(self, is_known=False, shut_until=0.0 if entrance.is_known else now + SHUT_S)
        if "agents_port" not in answer:
            return entrance
        port = _port(answer["agents_port"])
        return entrance if port == entrance.port else Entrance(port, portal=entrance.portal)

    def send(self, post: Post) -> dict[str, object]:
        """What `post` answers, given the port to go to or None for the portal's address. Raises PortalError.

        With `passed`, in the answer or in the error's data, where the entrance was tried.
        """
        port, refused = self.port_at(monotonic()), None
        if port is None:
            return post(None) | {"passed": None}
        try:
            answer = post(port)
        except PortalError as error:
            passed = self._how_it_failed(error)
            if passed is not None:
                error.data["passed"] = passed
                raise
            refused = _problem_of(error)
        else:
            # Else somebody else's server has that port.
            if "heartbeat_s" in answer:
                return answer | {"passed": THROUGH}
        return _send_round(post, refused)

    def _how_it_failed(self, error: PortalError) -> str | None:
        """None when the message should go to the portal's address instead."""
        status = error.data.get("status")
        if _problem_of(error) and isinstance(status, int) and (status == TOO_MANY or status >= BROKEN_FROM):
            return THROUGH
        # A crowd is there, and would come along to where people wait. It may be slow once.
        return SLOW if self.is_known and error.data.get("reason") == "timeout" else None


def _send_round(post: Post, refused: str | None) -> dict[str, object]:
    """By the portal's address, which decides where the entrance `refused`: another portal may be there.

    Raises PortalError. While the portal is away altogether the entrance is asked again next time.
    """
    try:
        return post(None) | {"passed": ROUND}
    except PortalError as error:
        problem = _problem_of(error)
        if problem is not None:
            error.data["passed"] = THROUGH if problem == refused else ROUND
        raise


def _problem_of(error: PortalError) -> str | None:
    problem = error.data.get("problem")
    return problem if isinstance(problem, str) and PROBLEM.fullmatch(problem) else None


NO_ENTRANCE = Entrance()


def _port(value: object) -> int | None:
    is_port = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_PORT
    return value if is_port else None  # type: ignore[return-value]  # an int by then
