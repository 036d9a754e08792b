"""A gateway with one project and one route, over either database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from ror.archive import Catalogue, FileStore, Index
from ror.db import Database
from ror.gateway import Completeness, Intake, Quarantine, Received
from ror.registry import ANY, Project, ProjectStore, Route, RouteStore, WhoIsWho
from tests.anonymizer.planted import minimal, part10


@dataclass(frozen=True)
class Gateway:
    """The intake and what stands behind it."""

    intake: Intake
    projects: ProjectStore
    routes: RouteStore
    files: FileStore
    index: Index
    catalogue: Catalogue
    quarantine: Quarantine
    who: WhoIsWho
    folder: Path

    @property
    def completeness(self) -> Completeness:
        """What knows how much there is of a study."""
        return Completeness(self.projects, self.index)

    def archived(self) -> dict[str, bytes]:
        """All files of the archive, unfinished ones too; what waits to be indexed is indexed first."""
        self.intake.flush()
        return {
            str(file.relative_to(self.files.root)): file.read_bytes()
            for file in self.files.root.rglob("*")
            if file.is_file()
        }


@pytest.fixture
def build(database: Database, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Builds a gateway with a given disk reserve."""
    built: list[Gateway] = []

    def made(reserve_mib: int = 0) -> Gateway:
        projects = ProjectStore(database, tmp_path / "secrets")
        routes = RouteStore(database)
        files, index = FileStore(tmp_path / "archive"), Index(database)
        quarantine = Quarantine(database, tmp_path / "quarantine")
        who = WhoIsWho.of(database, tmp_path / "secrets")
        intake = Intake(projects, routes, files, index, quarantine, who, reserve_mib)
        catalogue = Catalogue(database, lambda name: projects.get(name).classifier())
        built.append(Gateway(intake, projects, routes, files, index, catalogue, quarantine, who, tmp_path))
        return built[-1]

    yield made
    for one in built:  # or it would be indexed in the database of the next test
        one.intake.flush()


@pytest.fixture
def gateway(build: Callable[..., Gateway]) -> Gateway:
    made = build()
    made.projects.add(Project("lungs"))
    made.routes.add(Route("SCANNER", ANY, "lungs"))
    return made


def received(
    dataset: Dataset | None = None,
    *,
    calling: str = "SCANNER",
    cut: int | None = None,
    syntax: str = ExplicitVRLittleEndian,
) -> Received:
    """An object as it comes off an association; `cut` ends its data set early."""
    dataset = minimal() if dataset is None else dataset
    whole = part10(dataset, syntax)
    # The file meta information ends where its group length says (PS3.10 7.1).
    start = 144 + int.from_bytes(whole[140:144], "little")
    return Received(
        calling_ae=calling,
        called_ae="ROR",
        sop_class_uid=str(dataset.SOPClassUID),
        sop_instance_uid=str(dataset.SOPInstanceUID),
        transfer_syntax_uid=str(dataset.file_meta.TransferSyntaxUID),
        data=whole[start:][:cut],
    )
