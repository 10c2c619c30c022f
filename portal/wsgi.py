"""The WSGI callable that granian serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django_application = get_wsgi_application()

# Models need Django to be set up.
from machines.health.fast_heartbeats import with_fast_heartbeats  # noqa: E402
from machines.health.listening import start_signing  # noqa: E402

application = with_fast_heartbeats(django_application)
start_signing()
