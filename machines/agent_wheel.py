"""The agent as a wheel, made from the checkout that the portal runs from; the same sources give the same bytes.

Not hatchling's: building with it would need a network at the time that a Mac asks.
"""

import base64
import hashlib
import io
import os
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

AGENT = Path(__file__).resolve().parents[1] / "agent"
# The first moment that a zip file can name.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_TAGS = "Wheel-Version: 1.0\nGenerator: kirikae\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass(frozen=True)
class AgentWheel:
    name: str
    version: str
    content: bytes
    sha256: str


@cache
def get_agent_wheel() -> AgentWheel:
    """Read once per process: a portal is started again with its new sources. Raises OSError without them."""
    return build_wheel(AGENT)


def build_wheel(folder: Path) -> AgentWheel:
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stem = f"{project['name']}-{project['version']}"
    files = [*_sources(folder / "src"), *_descriptions(project, f"{stem}.dist-info")]
    record = f"{stem}.dist-info/RECORD"
    lines = [*(_record_line(name, content) for name, content in files), f"{record},,"]
    content = _zipped([*files, (record, "\n".join([*lines, ""]).encode())])
    return AgentWheel(f"{stem}-py3-none-any.whl", project["version"], content, hashlib.sha256(content).hexdigest())


def _sources(root: Path) -> Iterator[tuple[str, bytes]]:
    """Through the link to the engine, which a wheel carries as files."""
    found = [Path(folder) / name for folder, _, names in os.walk(root, followlinks=True) for name in names]
    for path in sorted(found):
        if "__pycache__" not in path.parts:
            yield path.relative_to(root).as_posix(), path.read_bytes()


def _descriptions(project: dict[str, object], folder: str) -> Iterator[tuple[str, bytes]]:
    dependencies, scripts = project["dependencies"], project["scripts"]
    assert isinstance(dependencies, list)  # noqa: S101 - our own file
    assert isinstance(scripts, dict)  # noqa: S101
    metadata = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {dependency}" for dependency in sorted(dependencies)),
    ]
    entries = ["[console_scripts]", *(f"{name} = {target}" for name, target in scripts.items())]
    yield f"{folder}/METADATA", "\n".join([*metadata, ""]).encode()
    yield f"{folder}/WHEEL", _TAGS.encode()
    yield f"{folder}/entry_points.txt", "\n".join([*entries, ""]).encode()


def _record_line(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}"


def _zipped(files: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for name, content in files:
            about = zipfile.ZipInfo(name, _MOMENT)
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = 0o644 << 16
            wheel.writestr(about, content)
    return buffer.getvalue()
