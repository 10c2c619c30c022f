"""The WSGI callable of `serve intake`: all that the web processes answer, at a pace for agents alone."""

from portal.wsgi import django_application

# Models need Django to be set up, which portal.wsgi does.
from machines.health.fast_heartbeats import with_fast_heartbeats  # isort: skip
from machines.health.pace import HEARTBEATS_PER_S_OF_INTAKE, pace  # isort: skip
from portal.processes.precedence import few_at_a_time, stand_back  # isort: skip

# The threads are for heartbeats, which are answered together. Whatever else comes has the database for itself, and a
# process has eight connections.
application = with_fast_heartbeats(few_at_a_time(django_application, most=4))
pace.heartbeats_per_s = HEARTBEATS_PER_S_OF_INTAKE
# Not earlier: one that was killed is back as soon as a web process would be.
stand_back()

__all__ = ["application"]
