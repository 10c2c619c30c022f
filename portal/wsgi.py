"""The WSGI callable that granian serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django_application = get_wsgi_application()

# Models and views need Django to be set up; the views would be loaded by the first request.
import portal.urls  # noqa: E402, F401
from machines.health.fast_heartbeats import with_fast_heartbeats  # noqa: E402
from machines.health.listening import start_signing  # noqa: E402

application = with_fast_heartbeats(django_application)
# What is here by now stays. Left among the rest, it stopped each new process for 80 ms of CPU in the midst of its first
# thousand requests, when all of it was looked through for garbage.
gc.collect()
gc.freeze()
start_signing()
