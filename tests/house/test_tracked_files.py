"""What must not stand in files that we publish."""

import re
import subprocess
import tomllib
from pathlib import Path

# Put together here, so that this file does not contain them.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("ghcr", "io"),
    )
)


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := Path(name)).is_file()]


def test_no_tracked_file_names_a_package_registry() -> None:
    pattern = re.compile("|".join(re.escape(host) for host in REGISTRY_HOSTS).encode())
    found = [str(path) for path in tracked_files() if pattern.search(path.read_bytes())]

    assert found == []


def test_the_lock_and_the_constraints_are_of_one_run() -> None:
    locked = re.findall(r"^([A-Za-z0-9._-]+==\S+)", Path("requirements.lock").read_text(), re.MULTILINE)
    constraints = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["uv"]["constraint-dependencies"]

    assert [constraint.split()[0] for constraint in constraints] == locked


def test_uv_lock_is_not_tracked() -> None:
    assert Path("uv.lock") not in tracked_files()
