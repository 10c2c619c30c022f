"""The portal's settings for tests on PostgreSQL and Valkey: `pytest --ds tests.team_settings`.

Takes KIRIKAE_DATABASE_URL and KIRIKAE_REDIS_URL when they are set; otherwise starts both servers from their wheels,
once, in the first process of the test run. Further processes inherit the addresses.
"""

import atexit
import os
from contextlib import ExitStack

from tests.servers.postgresql import running_postgresql, sweep_stale
from tests.servers.valkey import running_valkey

_servers = ExitStack()
atexit.register(_servers.close)
if "KIRIKAE_DATABASE_URL" not in os.environ:
    sweep_stale()
    os.environ["KIRIKAE_DATABASE_URL"] = _servers.enter_context(running_postgresql()).url()
if "KIRIKAE_REDIS_URL" not in os.environ:
    os.environ["KIRIKAE_REDIS_URL"] = _servers.enter_context(running_valkey()).url

from tests.settings import *  # noqa: E402, F403 - the addresses must be known before
