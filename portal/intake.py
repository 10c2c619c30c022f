"""The WSGI callable of `serve intake`: all that the web processes answer, at a pace for agents alone."""

from portal.wsgi import application

# Models need Django to be set up, which portal.wsgi does.
from machines.health.pace import HEARTBEATS_PER_S_OF_INTAKE, pace  # isort: skip
from portal.processes.precedence import stand_back  # isort: skip

# So many steps behind the web processes where both want the same core. Agents do not wait for an answer, but silence
# makes them late: when web processes want all of two cores, this leaves a tenth of one for 10,000 agents, who need 6 %.
STEPS_BEHIND = 10

pace.heartbeats_per_s = HEARTBEATS_PER_S_OF_INTAKE
# Not earlier: one that was killed is back as soon as a web process would be.
stand_back(STEPS_BEHIND)

__all__ = ["application"]
