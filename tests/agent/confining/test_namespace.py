"""A confined program on a real kernel: what it reaches, what it does not, and what is said when it cannot be."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from kirikae.confining.means import find_reach, is_remembered
from kirikae.home import Home

from tests.agent.standin import answer, routes, standin

pytestmark = [pytest.mark.slow, pytest.mark.where("confinement")]

LAUNCH = """
import os, sys
from kirikae.launching.supervising import supervise
note, server, program = sys.argv[1:4]
sys.exit(supervise(program, sys.argv[3:], os.environ, note=note, server=server))
"""
FETCH = """
import sys, urllib.request
for address in sys.argv[1:]:
    try:
        print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=5).read().decode())
    except OSError as error:
        print(type(error).__name__)
"""
# Nobody may make a namespace in there.
FORBIDDEN = (
    "unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    'echo 0 | tee /proc/sys/user/max_user_namespaces /proc/sys/user/max_net_namespaces >/dev/null; exec "$@"',
    "-",
)


# CI is root, and a developer is not: no capability is left behind this.
ORDINARY = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


def launch(
    home: Home, server: str, script: str, *arguments: str, within: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Python as the client."""
    client = [sys.executable, "-I", "-c", script, *arguments]
    command = [*within, sys.executable, "-c", LAUNCH, str(home.path / "launches" / "x.json"), server, *client]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def server_of(url: str) -> str:
    return url.removeprefix("http://")


def test_the_one_server_is_reached_and_no_other_of_this_machine(home: Home) -> None:
    with standin(routes({"/": answer(b"the model")})) as ours, standin(routes({"/": answer(b"a tunnel")})) as other:
        done = launch(home, server_of(ours), FETCH, ours, other, ours.replace("127.0.0.1", "localhost"))

    assert done.stdout.splitlines() == ["the model", "URLError", "the model"], done.stderr


def test_a_long_answer_comes_whole(home: Home) -> None:
    body = os.urandom(1 << 16).hex().encode() * 64

    with standin(routes({"/": answer(body)})) as url:
        assert launch(home, server_of(url), FETCH, url).stdout == f"{body.decode()}\n"


def test_the_server_is_asked_for_answers_of_the_model_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ollama would fetch a model from any address."""
    script = """
import json, sys, urllib.error, urllib.request
for path, model in (("/v1/messages", "m"), ("/v1/messages", "m:cloud"), ("/api/pull", "evil.example/secret/m")):
    request = urllib.request.Request(sys.argv[1] + path, data=json.dumps({"model": model}).encode())
    try:
        print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5).read().decode())
    except urllib.error.HTTPError as error:
        print(error.code)
"""
    monkeypatch.setenv("KIRIKAE_MODEL", "m")
    with standin(routes({}, otherwise=answer(b"done"))) as url:
        assert launch(home, server_of(url), script, url).stdout.split() == ["done", "403", "403"]


def test_a_server_that_is_gone_ends_a_connection(home: Home) -> None:
    with standin(routes({})) as url:
        server = server_of(url)

    assert launch(home, server, FETCH, url).stdout in {"RemoteDisconnected\n", "ConnectionResetError\n"}


def test_no_address_elsewhere_is_reached_by_any_kind_of_socket(home: Home) -> None:
    script = """
import errno, socket
for family, address in ((socket.AF_INET, "198.51.100.7"), (socket.AF_INET6, "2001:db8::7")):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            socket.socket(family, kind).connect((address, 53))
        except OSError as error:
            print(errno.errorcode[error.errno])
"""

    assert set(launch(home, "127.0.0.1:9", script).stdout.split()) == {"ENETUNREACH"}


def test_programs_behind_a_socket_of_the_file_system_are_not_asked(home: Home, tmp_path: Path) -> None:
    script = """
import socket, sys
socket.socketpair()
for open_one in (lambda: socket.socket(socket.AF_UNIX), lambda: socket.socketpair(type=socket.SOCK_DGRAM)[0]):
    try:
        open_one().connect(sys.argv[1])
    except PermissionError:
        print("refused")
"""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        assert launch(home, "127.0.0.1:9", script, str(path)).stdout == "refused\nrefused\n"


def test_the_way_back_into_the_machines_network_is_closed(home: Home) -> None:
    script = """
import os
for process in (1, os.getppid()):
    try:
        os.setns(os.open(f"/proc/{process}/ns/net", os.O_RDONLY), os.CLONE_NEWNET)
    except PermissionError:
        print("refused")
"""

    assert launch(home, "127.0.0.1:9", script).stdout == "refused\nrefused\n"


def test_programs_in_it_reach_each_other(home: Home) -> None:
    """As tests of a web server do."""
    script = """
import socket
server = socket.create_server(("127.0.0.1", 0))
with socket.create_connection(server.getsockname()):
    print("reached")
"""

    assert launch(home, "127.0.0.1:9", script).stdout == "reached\n"


def test_an_ordinary_user_is_confined_too(home: Home) -> None:
    script = "import os, socket; print(os.getuid(), [name for _, name in socket.if_nameindex()])"

    done = launch(home, "127.0.0.1:9", script, within=ORDINARY)

    assert done.stdout == "1000 ['lo']\n", done.stderr


def test_what_held_is_remembered(home: Home) -> None:
    assert not is_remembered(home)

    assert find_reach(home) == "client"

    assert is_remembered(home)


def test_where_it_no_longer_holds_nothing_is_launched_and_it_is_tried_again(home: Home) -> None:
    find_reach(home)

    done = launch(home, "127.0.0.1:9", "print('launched')", within=FORBIDDEN)

    assert (done.returncode, done.stdout) == (6, "")
    sentence = "The client could not be kept from the network (No space left on device), so nothing was launched"
    assert done.stderr.startswith(sentence)
    assert not is_remembered(home)


def test_a_machine_that_forbids_it_is_found_out(home: Home) -> None:
    script = "from kirikae.confining.namespace import can_enclose; print(can_enclose())"
    command = [*FORBIDDEN, sys.executable, "-c", script]

    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
