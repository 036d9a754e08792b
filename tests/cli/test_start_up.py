"""A command loads what it uses: nobody waits for what makes DICOM objects to see a list of jobs."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import containers
import ror.archive
import ror.deid
import ror.engine
import ror.gateway
import ror.housekeeping
import ror.registry
import ror.results
import ror.withdrawal
from ror.loading import load_whole, on_demand

ON_DEMAND = (
    containers,
    ror.archive,
    ror.deid,
    ror.engine,
    ror.gateway,
    ror.housekeeping,
    ror.registry,
    ror.results,
    ror.withdrawal,
)

# What takes long to load, by the module of the command that must not: some tenths of a second each.
_OF_RESULTS = ("pynetdicom", "highdicom", "dbos", "docker", "nibabel", "reportlab", "redcap")
UNUSED = {
    "ror.cli": ("rich", "pydantic", "pydicom", "sqlalchemy", "ror.app"),
    "ror.cli.config": ("sqlalchemy", "alembic", "pynetdicom", "highdicom", "dbos", "ror.app"),
    "ror.cli.deid": ("sqlalchemy", "alembic", "pynetdicom", "highdicom", "dbos", "ror.app"),
    "ror.cli.jobs": ("alembic", "pydicom", "lark", *_OF_RESULTS),
    "ror.cli.select": ("sqlalchemy", "alembic", "pynetdicom", "highdicom", "dbos", "ror.app"),
    "ror.cli.status": ("sqlalchemy", "alembic", "pynetdicom", "highdicom", "dbos", "ror.app"),
    "ror.cli.route": ("alembic", "pydicom", *_OF_RESULTS),
    "ror.cli.token": ("alembic", "pydicom", "lark", *_OF_RESULTS),
}


@pytest.mark.parametrize("module", UNUSED)
def test_a_command_does_not_load_what_it_does_not_use(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert module in loaded
    assert loaded.isdisjoint(UNUSED[module])


@pytest.mark.parametrize("package", ON_DEMAND, ids=lambda package: package.__name__)
def test_a_front_door_gives_what_type_checkers_see(package: ModuleType) -> None:
    """The imports that type checkers read, and the rooms that names are fetched from, are two lists of one thing."""
    seen = {}
    for node in ast.walk(ast.parse(Path(package.__file__ or "").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package.__name__):
            seen |= {alias.name: node.module or "" for alias in node.names}
    assert sorted(seen) == sorted(package.__all__)
    for name, module in seen.items():
        assert getattr(package, name) is getattr(import_module(module), name)


def test_a_front_door_says_that_it_has_no_such_thing() -> None:
    with pytest.raises(AttributeError, match=r"module 'ror\.engine' has no attribute 'Steam'"):
        _ = ror.engine.Steam  # type: ignore[attr-defined]


def test_a_module_is_loaded_when_a_name_of_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = tmp_path / "house"
    house.mkdir()
    (house / "__init__.py").write_text("__all__ = ['Bed', 'Oven']\n")
    (house / "kitchen.py").write_text("class Oven: ...\n")
    (house / "upstairs.py").write_text("class Bed: ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    package = import_module("house")
    monkeypatch.setattr(
        package, "__getattr__", on_demand("house", {"kitchen": "Oven", "upstairs": "Bed"}), raising=False
    )
    assert package.Oven is package.Oven
    assert ("house.kitchen" in sys.modules, "house.upstairs" in sys.modules) == (True, False)
    load_whole(package)
    assert "house.upstairs" in sys.modules
    for name in ("house", "house.kitchen", "house.upstairs"):
        monkeypatch.delitem(sys.modules, name)
