"""How often one token may ask for a decision."""

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from portal.common.windows import Windows

DECISIONS_PER_MINUTE = 600

_windows = Windows()


class DecisionThrottle(BaseThrottle):
    _wait_s: float | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        key = request.auth.pk if request.auth else None
        self._wait_s = _windows.wait_s(key, per_minute=DECISIONS_PER_MINUTE)
        return self._wait_s is None

    def wait(self) -> float | None:
        return self._wait_s


def forget_all() -> None:
    _windows.forget_all()
