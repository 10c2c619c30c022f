"""The distribution, built both ways and installed alone: it decides the golden cases as the checkout does."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "run.py"
# Not a deadline of the product: building and installing from a cold cache on a busy machine.
PATIENCE_S = 300


@pytest.fixture(scope="module", params=["wheel from sdist", "wheel directly"])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a clean environment with only the wheel and its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    only_wheel = ["--wheel"] if request.param == "wheel directly" else []
    uv("build", "--package", "kirikae", "--out-dir", str(folder / "dist"), *only_wheel)
    (wheel,) = (folder / "dist").glob("*.whl")
    uv("venv", "--python", sys.executable, str(folder / "venv"))
    uv("pip", "install", "--python", str(folder / "venv" / "bin" / "python"), str(wheel))
    return folder / "venv" / "bin"


def uv(*arguments: str) -> None:
    program = shutil.which("uv")
    if program is None:
        pytest.fail("uv is missing: type `python3 -m pip install uv`.", pytrace=False)
    output([program, *arguments], folder=ROOT)


def output(command: Iterable[str], *, folder: Path, **environment: str) -> str:
    """What it printed; the test's own paths to modules are kept from it."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        list(command),
        cwd=folder,
        env=inherited | {"KIRIKAE_LANG": "en"} | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_wheel_decides_the_golden_cases_as_the_checkout_does(installed: Path, tmp_path: Path) -> None:
    by_wheel = output([str(installed / "python"), "-I", str(GOLDEN), "kirikae.engine"], folder=tmp_path)
    by_checkout = output([sys.executable, str(GOLDEN), "routing.engine"], folder=tmp_path, PYTHONPATH=str(ROOT))

    assert len(by_wheel.splitlines()) > 10
    assert by_wheel == by_checkout


def test_the_installed_wheel_brings_the_command(installed: Path, tmp_path: Path) -> None:
    said = output([str(installed / "kirikae"), "--help"], folder=tmp_path)

    for command in ("enrol", "report", "bench", "sync", "ask", "run"):
        assert f"\n    {command} " in said


def test_the_wheel_depends_on_httpx_and_cryptography_alone(installed: Path, tmp_path: Path) -> None:
    script = "import importlib.metadata as m; print(sorted(m.requires('kirikae')))"

    requires = output([str(installed / "python"), "-I", "-c", script], folder=tmp_path)

    assert requires.strip() == "['cryptography>=46', 'httpx>=0.28']"
