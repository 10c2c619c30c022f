"""The WSGI callable of `serve intake`: all that the web processes answer, at a pace for agents alone."""

from portal.wsgi import application

# Models need Django to be set up, which portal.wsgi does.
from machines.health.pace import HEARTBEATS_PER_S_OF_INTAKE, pace  # isort: skip

pace.heartbeats_per_s = HEARTBEATS_PER_S_OF_INTAKE

__all__ = ["application"]
