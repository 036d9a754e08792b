"""What is searched for is found in SQLite and in PostgreSQL alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from ror.archive import Index
from ror.db import Database
from ror.errors import NotFound
from ror.registry import Project, ProjectStore
from ror.web.finding import Finding
from ror.web.query import Query
from ror.web.search import Search
from ror.web.shelf import Place, Shelf
from tests.web.shelved import add

LUNGS = Place("lungs")


@pytest.fixture
def shelf(database: Database, tmp_path: Path) -> Shelf:
    projects, index = ProjectStore(database, tmp_path / "secrets"), Index(database)
    for name in ("lungs", "heads"):
        projects.add(Project(name))
    add(index, "lungs", 1, "CT", 1)
    add(index, "lungs", 1, "MR", 2, count=3)
    add(index, "lungs", 2, "CT", 1)
    add(index, "heads", 9, "CT", 1)
    return Shelf(database, tmp_path)


def query(**parameters: str) -> Query:
    return Query.read(parameters.items())


def url(*uids: str) -> str:
    return "/".join(uids)


def test_studies_and_series_are_found_by_text_range_and_uid(database: Database, shelf: Shelf) -> None:
    search = Search(shelf, Finding(shelf))

    def found(**parameters: str) -> list[str]:
        return [one["0020000D"]["Value"][0] for one in search.studies(LUNGS, query(**parameters), url)[0]]

    assert found() == ["1.2", "1.1"]  # the latest first
    assert found(PatientName="name1*") == ["1.1"]
    assert found(PatientID="P2") == ["1.2"]
    assert found(StudyDate="-20260101") == ["1.1"]
    assert found(StudyInstanceUID="1.1,1.9") == ["1.1"]
    assert found(ModalitiesInStudy="MR") == ["1.1"]
    assert found(KVP="120") == []
    page, more = search.series(LUNGS, query(limit="2", offset="1"), url)
    assert ([one["0020000E"]["Value"][0] for one in page], more) == (["1.1.1", "1.1.2"], False)
    assert [one["00201209"]["Value"] for one in page] == [[2], [3]]


def test_instances_are_those_of_the_place_and_the_project(shelf: Shelf) -> None:
    assert [one.sop_uid for one in shelf.instances(Place("lungs", "1.1", "1.1.2"))] == [
        f"1.1.2.{n}" for n in range(3)
    ]
    assert [one.sop_uid for one in shelf.instances(Place("lungs", "1.1", "1.1.2", "1.1.2.1"))] == ["1.1.2.1"]
    for place in (
        Place("heads", "1.1"),
        Place("lungs", "1.2", "1.1.2"),
        Place("lungs", "1.1", "1.1.1", "1.1.2.1"),
    ):
        with pytest.raises(NotFound):
            shelf.instances(place)


def test_before_each_look_what_was_acknowledged_is_let_be_indexed(database: Database, tmp_path: Path) -> None:
    projects, index = ProjectStore(database, tmp_path / "secrets"), Index(database)
    projects.add(Project("lungs"))
    shelf = Shelf(database, tmp_path, lambda: add(index, "lungs", 1, "CT", 1))
    studies, _more = Search(shelf, Finding(shelf)).studies(LUNGS, query(), url)
    assert [one["0020000D"]["Value"] for one in studies] == [["1.1"]]
