"""The import contract names every module of routing: one that is not named would be free of it."""

import tomllib
from pathlib import Path


def test_each_module_of_routing_stands_in_the_import_contract() -> None:
    contract = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    listed = {name.strip(" ()") for layer in contract["layers"] for name in layer.split(":")}
    modules = {f"routing.{path.stem}" for path in Path("routing").iterdir() if is_module(path)}

    assert modules <= listed, f"add to [tool.importlinter]: {sorted(modules - listed)}"


def is_module(path: Path) -> bool:
    if path.is_dir():
        return (path / "__init__.py").exists()
    return path.suffix == ".py" and path.stem != "__init__"
