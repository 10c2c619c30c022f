"""Installing the agent from the portal: what the page shows, and what the script really does."""

import hashlib
import io
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client, RequestFactory

from machines.agent_wheel import AGENT, build_wheel, get_agent_wheel
from machines.install import describe_install
from portal.accounts.models import User
from tests.agent.standin import answer, routes, standin
from tests.machines.test_pages import text_of

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300


@pytest.mark.django_db
def test_anybody_may_fetch_the_wheel_and_it_has_the_checksum_of_the_script(client: Client) -> None:
    script = client.get("/install/kirikae.sh")
    name, sha256 = re.findall(r"^(?:wheel|sha256)=(\S+)$", script.text, re.MULTILINE)

    wheel = client.get(f"/install/{name}")

    assert hashlib.sha256(wheel.content).hexdigest() == sha256
    assert "portal=http://testserver\n" in script.text


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["kirikae-0.0.0-py3-none-any.whl", "..%2Fpyproject.toml", "secret_key"])
def test_nothing_else_is_given_out(client: Client, name: str) -> None:
    assert client.get(f"/install/{name}").status_code == 404


@pytest.mark.django_db
def test_page_shows_the_line_and_the_checksum(ben: User, client_of: Callable[[User], Client]) -> None:
    text = text_of(client_of(ben), "/machines/add")

    assert "curl -fsS http://testserver/install/kirikae.sh | sh" in text
    assert f"#sha256={get_agent_wheel().sha256}" in text


def test_same_sources_give_the_same_bytes() -> None:
    assert build_wheel(AGENT) == get_agent_wheel()


def test_wheel_says_what_every_file_must_be() -> None:
    with zipfile.ZipFile(io.BytesIO(get_agent_wheel().content)) as wheel:
        (record,) = (name for name in wheel.namelist() if name.endswith("/RECORD"))
        listed = [line.split(",")[0] for line in wheel.read(record).decode().splitlines()]

        assert listed == wheel.namelist()
        assert "kirikae/engine/decide.py" in listed


@pytest.mark.slow
def test_wheel_holds_the_same_files_as_the_one_of_the_build_tool(tmp_path: Path) -> None:
    subprocess.run(
        [uv(), "build", "--quiet", "--wheel", "--package", "kirikae", "--out-dir", str(tmp_path)], cwd=ROOT, check=True
    )
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as theirs, zipfile.ZipFile(opened()) as ours:
        names = {name for name in theirs.namelist() if ".dist-info/" not in name}

        assert {name for name in ours.namelist() if ".dist-info/" not in name} == names
        assert all(ours.read(name) == theirs.read(name) for name in names)
        assert entry_points(ours).split() == entry_points(theirs).split()


def opened() -> io.BytesIO:
    return io.BytesIO(get_agent_wheel().content)


def entry_points(wheel: zipfile.ZipFile) -> str:
    return next(wheel.read(name).decode() for name in wheel.namelist() if name.endswith("entry_points.txt"))


def uv() -> str:
    return shutil.which("uv") or pytest.fail("uv is missing: type `python3 -m pip install uv`.", pytrace=False)


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("is_whole", [True, False])
def test_script_installs_what_has_the_right_checksum_and_nothing_else(
    client: Client, tmp_path: Path, is_whole: bool
) -> None:
    wheel = get_agent_wheel()
    content = wheel.content if is_whole else wheel.content[:-1]
    with standin(routes({f"/install/{wheel.name}": answer(content)})) as url:
        script = client.get("/install/kirikae.sh").text.replace("http://testserver", url)
        done = run_script(script, tmp_path)

    installed = tmp_path / "bin" / "kirikae"
    assert (done.returncode == 0, installed.exists()) == (is_whole, is_whole), done.stderr
    assert (f"kirikae {wheel.version}" in done.stdout) is is_whole
    assert ("checksum" in done.stderr) is not is_whole


def run_script(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As `curl … | sh -s -- --upgrade` does it, with everything of uv's in this folder but its cache."""
    own = {"UV_TOOL_DIR": str(folder / "tools"), "UV_TOOL_BIN_DIR": str(folder / "bin"), "KIRIKAE_HOME": str(folder)}
    return subprocess.run(
        ["sh", "-s", "--", "--upgrade"],
        input=script, env=os.environ | own, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


@pytest.mark.django_db
def test_script_that_breaks_off_does_nothing(client: Client, tmp_path: Path) -> None:
    script = client.get("/install/kirikae.sh").text

    done = run_script(script[: script.rindex("main")], tmp_path)

    assert (done.returncode, done.stdout) == (0, "")
    assert not (tmp_path / "bin").exists()


@pytest.mark.django_db
def test_line_for_uv_compares_the_checksum_itself(rf: RequestFactory, tmp_path: Path) -> None:
    line = describe_install(rf.get("/machines/add"))["uv_line"]
    checked = line.partition(" && ")[2].rpartition(" && ")[0]
    (tmp_path / get_agent_wheel().name).write_bytes(get_agent_wheel().content[:-1])

    assert subprocess.run(["sh", "-c", checked], cwd=tmp_path, capture_output=True, check=False).returncode != 0
    (tmp_path / get_agent_wheel().name).write_bytes(get_agent_wheel().content)
    assert subprocess.run(["sh", "-c", checked], cwd=tmp_path, capture_output=True, check=False).returncode == 0
