"""What a machine's health changes in decisions about it: its state, and that quarantine keeps its work local."""

from machines.health.choices import MachineState
from machines.models import Machine
from portal.accounts.models import ApiToken, TokenKind
from portal.common.problems import Problem
from routing.engine.effects import Effect
from routing.engine.request import TaskRequest
from routing.session_floors import tighten_session

_GONE = (MachineState.ASLEEP, MachineState.LATE, MachineState.OFFLINE, MachineState.MISSING, MachineState.PENDING)


def state_for(machine: Machine | None, *, asked_by: ApiToken | None) -> str | None:
    """The state as the engine knows it. A machine that asks for itself is evidently there."""
    if machine is None:
        return None
    is_itself = asked_by is not None and asked_by.kind == TokenKind.MACHINE
    return str(MachineState.ONLINE if is_itself and machine.state in _GONE else machine.state)


def keep_local_if_quarantined(request: TaskRequest, machine: Machine | None) -> TaskRequest:
    is_in_quarantine = machine is not None and machine.health.quarantine
    return tighten_session(request, Effect.LOCAL_ONLY) if is_in_quarantine else request


def refuse_if_quarantined(machine: Machine | None) -> None:
    """No policy for a machine of which there may be two: what it holds runs out by itself. Raises Problem 403."""
    if machine is not None and machine.health.quarantine:
        raise Problem(403, "machine.quarantined", "This Mac is in quarantine. Ask an admin to look at it.")
