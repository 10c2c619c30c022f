"""Session floors: a session that was protected stays protected, also for a caller that does not say so again."""

from django.db import transaction

from machines.models import Machine
from portal.accounts.models import ApiToken, TokenKind
from portal.common import clock
from routing.engine.effects import Effect, strictest
from routing.engine.request import TaskRequest
from routing.models import SessionFloor


def find_floor(request: TaskRequest, *, token: ApiToken | None, machine: Machine | None) -> Effect | None:
    """What is remembered of the caller's session; None for one that met nothing protected."""
    if token is None or request.session.id is None:
        return None
    row = SessionFloor.objects.filter(asker=_asker(token, machine), session=request.session.id).first()
    return None if row is None else Effect(row.effect)


def tighten_session(request: TaskRequest, floor: Effect) -> TaskRequest:
    """A floor that nobody here knows protects already, and stays."""
    brought = request.session.floor
    if brought is not None and brought not in tuple(Effect):
        return request
    known = [] if brought is None else [Effect(brought)]
    return request._replace(session=request.session._replace(floor=str(strictest([*known, floor]))))


def remember_floor(request: TaskRequest, effect: Effect, *, token: ApiToken | None, machine: Machine | None) -> None:
    """Notes what the session has met. Two decisions at once leave the stricter one."""
    if token is not None and request.session.id is not None and effect.is_restricting:
        _tighten_row(_asker(token, machine), request.session.id, effect)


@transaction.atomic
def _tighten_row(asker: str, session: str, effect: Effect) -> None:
    now = clock.now()
    row, is_new = SessionFloor.objects.select_for_update().get_or_create(
        asker=asker, session=session, defaults={"effect": effect, "asked_at": now}
    )
    if not is_new:
        row.effect, row.asked_at = strictest([Effect(row.effect), effect]), now
        row.save(update_fields=["effect", "asked_at"])


def _asker(token: ApiToken, machine: Machine | None) -> str:
    """A machine's token is replaced from time to time; the machine stays."""
    is_machine = token.kind == TokenKind.MACHINE and machine is not None
    return machine.public_id if is_machine and machine else token.public_id
