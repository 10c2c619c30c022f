"""`manage.py up` as a process: it starts, refuses in one sentence, restarts what dies, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import pytest

from portal.backends import QUEUES
from portal.embedded.checks import StartRefused, check_data_folder, file_system_of, parse_macos_mounts
from portal.embedded.supervisor import Child, Event, Supervisor
from tests.running import RunningPortal, free_port, portal_environment

pytestmark = pytest.mark.slow


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def family_of(pid: int) -> list[int]:
    direct = children_of(pid)
    return direct + [grandchild for child in direct for grandchild in children_of(child)]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def eventually(holds: Callable[[], bool], *, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def refuse(*arguments: str, **environment: str) -> str:
    """stderr of an `up` that must end with exit code 1."""
    done = subprocess.run(
        [sys.executable, "manage.py", "up", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env=portal_environment(**environment),
        check=False,
    )
    assert done.returncode == 1, done
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def test_step_1_up_answers_restarts_a_killed_web_server_and_stops_cleanly(running_portal: RunningPortal) -> None:
    with urllib.request.urlopen(f"{running_portal.url}/healthz", timeout=5) as response:
        assert json.load(response) == {"status": "ok"}
    assert f"{running_portal.url}/setup/" in running_portal.setup_url
    assert running_portal.data_dir.stat().st_mode & 0o777 == 0o700
    port = running_portal.url.rpartition(":")[2]
    assert f"port {port}" in refuse("--data-dir", str(running_portal.data_dir) + "2", "--port", port)
    assert "already runs" in refuse("--data-dir", str(running_portal.data_dir), "--port", str(free_port()))

    family = family_of(running_portal.process.pid)
    os.kill(family[0], signal.SIGKILL)

    assert eventually(lambda: not is_alive(family[0]), within_s=5)
    assert eventually(lambda: answers(f"{running_portal.url}/healthz"), within_s=15)
    family = family_of(running_portal.process.pid)
    assert running_portal.stop(signal.SIGTERM) == 0
    assert not any(is_alive(pid) for pid in family)


def test_the_children_die_with_a_killed_supervisor(running_portal: RunningPortal) -> None:
    family = family_of(running_portal.process.pid)
    assert len(family) >= 2

    running_portal.stop(signal.SIGKILL)

    assert eventually(lambda: not any(is_alive(pid) for pid in family), within_s=10)


def test_interrupt_is_a_clean_stop_too(running_portal: RunningPortal) -> None:
    assert running_portal.stop(signal.SIGINT) == 0


def test_a_data_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert "cannot be written" in refuse("--data-dir", str(tmp_path / "file" / "data"))


def test_an_unknown_variable_is_refused_by_name(tmp_path: Path) -> None:
    message = refuse("--data-dir", str(tmp_path / "data"), KIRIKAE_SECRET_KEYS="x")

    assert "KIRIKAE_SECRET_KEYS" in message


def test_an_odd_base_url_is_refused_by_name(tmp_path: Path) -> None:
    assert "KIRIKAE_BASE_URL" in refuse("--data-dir", str(tmp_path / "data"), KIRIKAE_BASE_URL="ftp://x")


def test_a_child_that_ends_again_and_again_stops_the_portal_and_names_its_log(tmp_path: Path) -> None:
    events: SimpleQueue[Event] = SimpleQueue()
    # Without arguments the worker fails at once.
    child = Child("worker", [], tmp_path / "worker.log", events)

    refusal = Supervisor([child], events).run()

    assert refusal is not None
    assert str(tmp_path / "worker.log") in refusal
    assert (tmp_path / "worker.log").read_text().count("Traceback") == 6


def test_a_synced_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match="synced"):
        check_data_folder(tmp_path / "Dropbox" / "kirikae")


def test_the_closest_mount_point_says_the_kind() -> None:
    mounts = [("/", "ext4"), ("/home", "nfs4"), ("/home/aiko/local", "xfs")]

    assert file_system_of(Path("/home/ben/kirikae"), mounts=mounts) == "nfs4"
    assert file_system_of(Path("/home/aiko/local/kirikae"), mounts=mounts) == "xfs"


def test_mounts_of_macos_are_read() -> None:
    listed = "/dev/disk3s1 on / (apfs, sealed, local)\n//aiko@nas/share on /Volumes/my share (smbfs, nodev)\n"

    assert parse_macos_mounts(listed) == [("/", "apfs"), ("/Volumes/my share", "smbfs")]


@pytest.mark.e2e
def test_the_one_worker_of_embedded_mode_takes_from_all_queues(running_portal: RunningPortal) -> None:
    names = ", ".join(repr(name) for name in QUEUES)
    send = (
        f"from portal.celery import app; [app.send_task('health.worker_heartbeat', queue=name) for name in ({names})]"
    )
    environment = portal_environment(KIRIKAE_DATA_DIR=str(running_portal.data_dir))
    queue = running_portal.data_dir / "queue"

    subprocess.run([sys.executable, "-c", send], env=environment, check=True, timeout=30)

    assert eventually(lambda: not list(queue.glob("*.msg")), within_s=20)
    assert running_portal.stop() == 0
