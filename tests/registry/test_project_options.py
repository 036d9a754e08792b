"""The options of de-identification that a project switches on, on both databases."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from anonymizer import IdentifiedInstance, Option, ProfileError, deidentify
from ror.archive import FileStore, Index, describe
from ror.db import Database, tables
from ror.errors import ConfigurationError
from ror.registry import Project, ProjectStore
from tests.anonymizer.planted import minimal, part10

EVERY = tuple(option.value for option in Option if option is not Option.RETAIN_MODIFIED_DATES)


@pytest.fixture
def projects(database: Database, tmp_path: Path) -> ProjectStore:
    return ProjectStore(database, tmp_path / "secrets")


def test_options_come_back_and_are_those_of_the_profile(projects: ProjectStore) -> None:
    projects.add(Project("lungs", options=EVERY))
    assert projects.get("lungs").options == EVERY
    assert projects.get("lungs").profile().options == frozenset(EVERY)
    own = replace(projects.get("lungs"), options=("retain-device",), cleaned=("SeriesDescription",))
    projects.change(own)
    assert projects.get("lungs").profile().options == {"retain-device", "retain-modified-dates"}


def test_a_project_from_before_there_were_options_has_none(
    projects: ProjectStore, database: Database
) -> None:
    projects.add(Project("lungs"))
    table = tables.projects
    with database.write() as connection:
        settings = connection.execute(sa.select(table.c.settings)).scalar_one()
        old = {name: value for name, value in settings.items() if name != "options"}
        connection.execute(table.update().values(settings=json.loads(json.dumps(old))))
    assert projects.get("lungs") == Project("lungs")


def test_an_option_that_there_is_not_is_refused(projects: ProjectStore) -> None:
    with pytest.raises(ProfileError, match=r"no option of PS3\.15"):
        projects.add(Project("lungs", options=("retain-everything",)))
    assert projects.list() == []


@pytest.mark.parametrize("before", [(), ("retain-uids",)])
def test_a_project_that_holds_studies_keeps_their_uids_as_they_are(
    projects: ProjectStore, database: Database, tmp_path: Path, before: tuple[str, ...]
) -> None:
    project = Project("lungs", options=before)
    projects.add(project)
    other = replace(project, options=() if before else ("retain-uids",))
    projects.change(other)
    projects.change(project)
    instance = IdentifiedInstance.from_part10(part10(minimal()))
    research, _ = deidentify(instance, project.profile(), projects.key("lungs"))
    filed = FileStore(tmp_path / "archive").file("lungs", research)
    Index(database).add("lungs", describe(research.header()), filed, "digest", 0.0)
    with pytest.raises(ConfigurationError, match="holds studies already"):
        projects.change(other)
    projects.change(replace(project, options=(*before, "retain-device")))
