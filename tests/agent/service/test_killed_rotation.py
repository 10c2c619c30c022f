"""A machine that is killed while its token is replaced has one that is whole: the old one, or the new one."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from kirikae.home import Enrolment, Home

from tests.agent.portal import Portal
from tests.agent.standin import standin

pytestmark = pytest.mark.slow

ROTATE = """
import os, pathlib, signal
from kirikae.home import find_home
from kirikae.portal.token_rotation import rotate_token
from kirikae.service.link import PortalLink

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

{moment}
rotate_token(find_home(), PortalLink(find_home()))
"""
OLD, NEW = "kmt_ID_SECRET", "kmt_ID_NEW"


@pytest.mark.parametrize(
    ("moment", "kept"),
    [
        ("", OLD),
        ("os.open = die", OLD),
        ("os.fsync = die", OLD),
        ("replace = pathlib.Path.replace; pathlib.Path.replace = lambda *names: (replace(*names), die())", NEW),
    ],
    ids=["before the answer comes", "before the file is made", "before the file is whole", "after it took its place"],
)
def test_a_killed_rotation_leaves_a_whole_token(synced: Home, moment: str, kept: str) -> None:
    portal, running = Portal(new_token=NEW), list[subprocess.Popen[bytes]]()

    def answer_or_kill(request: bytes, send: Callable[[bytes], None]) -> None:
        if not moment:
            running[0].kill()
        portal(request, send)

    with standin(answer_or_kill) as url:
        enrolment = synced.get_enrolment()
        synced.write_json("machine.json", Enrolment(url, *enrolment[1:])._asdict())
        running.append(subprocess.Popen([sys.executable, "-c", ROTATE.format(moment=moment)], env=dict(os.environ)))
        assert running[0].wait(30) == -signal.SIGKILL

    assert synced.get_token() == kept
    assert len(portal.bodies("/api/v1/token")) == 1
