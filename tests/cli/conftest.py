"""What tests of commands share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.ror.conftest import PACKAGES


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workflow `box`, in the folder that the commands are said in."""
    shutil.copytree(PACKAGES / "box", tmp_path / "box", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path / "box")
    return tmp_path / "box"
