"""Every shipped workflow is a package of its own that can be read, matched and run alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from job_folder import ROOT

import select_lang
from containers import Package

SHIPPED = sorted(path.parent for path in (ROOT / "workflows").glob("*/workflow.toml"))
OURS = {"ror", "select_lang", "anonymizer", "containers", "orthanc", "examples", "workflows"}
SHARED = ("lung_mask", "snr")


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_its_manifest_and_its_select_statement_can_be_read(folder: Path) -> None:
    package = Package.load(folder)
    assert package.manifest.name == folder.name
    assert select_lang.read(package.manifest.select)


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_it_imports_nothing_of_the_engine(folder: Path) -> None:
    imported = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])
    assert not imported & OURS


@pytest.mark.parametrize("name", ["requirements.txt", "Dockerfile"])
def test_the_classical_workflows_share_one_environment(name: str) -> None:
    assert len({(ROOT / "workflows" / workflow / name).read_text() for workflow in SHARED}) == 1
