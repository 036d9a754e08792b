"""What matches is the same whether the catalogue tells it or each series is asked, in SQLite and in PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from ror.archive import Catalogue, Index
from ror.db import Database, tables
from ror.model import StudyState
from ror.registry import Project, ProjectStore
from ror.web.finding import Finding
from ror.web.query import Query
from ror.web.shelf import Place, Shelf
from select_lang.classification import Classifier
from tests.web.shelved import add

LUNGS = Place("lungs")
ASKED = (
    {"ModalitiesInStudy": "MR"},
    {"ModalitiesInStudy": "CT,MR"},
    {"StudyDate": "20260102-20260104"},
    {"StudyDate": "20260103-", "ModalitiesInStudy": "CT"},
    {"StudyDescription": "*dose*"},
    {"StudyDescription": "none"},
    {"SeriesDescription": "series 1 *", "PatientName": "name3*"},
    {"SeriesNumber": "2.0"},
    {"PatientName": "Name?^given"},
    {"ImageType": "PRIMARY"},
    {"ModalitiesInStudy": "CT", "PatientID": "P2"},
)


class Archive:
    """Five studies of one project and one of another, none of them matched yet."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        projects, self.index = ProjectStore(database, folder / "secrets"), Index(database)
        for name in ("lungs", "heads"):
            projects.add(Project(name))
        for number in range(1, 6):
            described = {"StudyDescription": "low dose"} if number % 2 else {}
            add(self.index, "lungs", number, "CT", 1, **described)
            add(self.index, "lungs", number, "MR" if number > 3 else "CT", 2, ImageType="PRIMARY")
        add(self.index, "heads", 9, "MR", 1)
        self.finding = Finding(Shelf(database, folder))

    def match(self, study: int) -> None:
        """What the engine does: write it into the catalogue, and say so."""
        Catalogue(self._database, lambda _project: Classifier.shipped()).write("lungs", f"1.{study}")
        said = tables.studies.update().where(tables.studies.c.study_uid == f"1.{study}")
        with self._database.write() as connection:
            connection.execute(said.values(state=StudyState.MATCHED))

    def found(self, asked: dict[str, str]) -> list[str]:
        keys = Query.read(asked.items()).keys
        among = {key.keyword: key.texts for key in keys if key.keyword == "PatientID"}
        tests = {
            "Modality" if key.keyword == "ModalitiesInStudy" else key.keyword: key.tester()
            for key in keys
            if key.keyword not in among
        }
        return [one.series_uid for one in self.finding.series(LUNGS, among, tests)]


@pytest.fixture
def archive(database: Database, tmp_path: Path) -> Archive:
    return Archive(database, tmp_path)


def test_the_catalogue_tells_what_the_series_say(archive: Archive) -> None:
    expected = [archive.found(asked) for asked in ASKED]
    assert [len(found) for found in expected] == [2, 10, 6, 4, 3, 0, 1, 5, 10, 5, 2]
    for study in (4, 2, 5, 1, 3):
        archive.match(study)
        assert [archive.found(asked) for asked in ASKED] == expected


def test_what_many_terms_tell_is_asked_of_each_series(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [archive.found(asked) for asked in ASKED]
    for study in (1, 2, 4):
        archive.match(study)
    monkeypatch.setattr("ror.web.finding._MOST_TERMS", 1)
    assert [archive.found(asked) for asked in ASKED] == expected


def test_what_a_late_object_changes_counts_at_once(archive: Archive) -> None:
    archive.match(1)
    add(archive.index, "lungs", 1, "CT", 0, count=1, StudyDescription="contrast")
    assert archive.found({"StudyDescription": "contrast"}) == ["1.1.0"]
    archive.match(1)
    assert archive.found({"StudyDescription": "contrast"}) == ["1.1.0"]


def test_the_catalogue_tells_nothing_of_another_project(archive: Archive) -> None:
    assert not any(uid.startswith("1.9") for uid in archive.found({"ModalitiesInStudy": "MR"}))
