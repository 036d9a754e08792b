"""A project as `ror init` makes it, and small series to try it on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ror.develop import DataIndex, DeveloperProject, start


@pytest.fixture
def project(tmp_path: Path) -> DeveloperProject:
    return DeveloperProject.at(start(tmp_path / "my_model").folder)


@pytest.fixture
def index(project: DeveloperProject) -> Iterator[DataIndex]:
    with DataIndex.opened(project.data_index) as index:
        yield index
