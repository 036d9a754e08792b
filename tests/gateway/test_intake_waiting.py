"""Objects of a series that is known are acknowledged when they are durable, and indexed in a moment."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from ror.archive import Index
from ror.db import Database, tables
from ror.gateway import Answer, Received, Status
from ror.registry import ANY, Project, ProjectStore, Route, RouteStore
from tests.anonymizer.planted import ROOT, minimal
from tests.archive.test_indexing_behind import instances_of, nothing_is_indexed
from tests.gateway.conftest import Gateway, received

SUCCESS = Answer(Status.SUCCESS)


def numbered(number: int, **attributes: object) -> Received:
    """An object of the one series."""
    return received(minimal(SOPInstanceUID=f"{ROOT}.4.{number}", **attributes))


@pytest.fixture
def growing(gateway: Gateway) -> Gateway:
    """A gateway that holds an object of the series."""
    assert gateway.intake.receive(numbered(0)) == SUCCESS
    return gateway


def incoming(gateway: Gateway) -> list[Path]:
    return list((gateway.files.root / ".incoming").iterdir())


def test_an_object_is_acknowledged_while_nothing_can_be_indexed_and_indexed_then(
    growing: Gateway, database: Database
) -> None:
    with nothing_is_indexed(database):
        answers = [growing.intake.receive(numbered(number)) for number in (1, 2, 1)]
        assert answers == [SUCCESS] * 3
        assert [answer.held for answer in answers] == [False, False, True]
        assert len(instances_of(database)) == 1
        assert len(incoming(growing)) == 2
    growing.intake.flush()
    assert len(instances_of(database)) == 3
    assert incoming(growing) == []
    (study,) = growing.index.studies()
    assert {one.path for one in growing.index.study_instances(study.study_uid)} == set(growing.archived())


def test_what_a_killed_process_had_acknowledged_is_a_resend_after_the_restart(
    growing: Gateway, database: Database
) -> None:
    first = set(instances_of(database))
    with nothing_is_indexed(database):
        growing.intake.receive(numbered(1))
        (waits,) = incoming(growing)
        data = waits.read_bytes()
    growing.intake.flush()
    before = instances_of(database), growing.archived()
    with database.write() as connection:  # as if it had been killed before it was indexed
        connection.execute(tables.instances.delete().where(tables.instances.c.sop_uid.not_in(first)))
    waits.write_bytes(data)
    for path, content in before[1].items():
        if content == data:
            (growing.files.root / path).unlink()
    Index(database).heal(growing.files.root, ["lungs"])
    assert (instances_of(database), growing.archived()) == before
    assert growing.intake.receive(numbered(1)).held


@pytest.mark.parametrize(
    "changed",
    [
        {"Rows": 7},
        {"SeriesInstanceUID": f"{ROOT}.99"},
        {"SeriesInstanceUID": f"{ROOT}.99", "StudyInstanceUID": f"{ROOT}.98"},
    ],
)
def test_other_content_under_the_uid_of_an_object_that_waits_is_refused(
    growing: Gateway, database: Database, changed: dict[str, object]
) -> None:
    told: list[Answer] = []
    growing.intake.receive(numbered(8, SeriesInstanceUID=f"{ROOT}.99", StudyInstanceUID=f"{ROOT}.98"))
    second = threading.Thread(target=lambda: told.append(growing.intake.receive(numbered(1, **changed))))
    with nothing_is_indexed(database):
        assert growing.intake.receive(numbered(1)) == SUCCESS
        second.start()
    second.join()
    assert [answer.status for answer in told] == [Status.DUPLICATE_DIFFERS]
    growing.intake.flush()
    assert len(instances_of(database)) == 3
    assert len(growing.archived()) == 3
    (held,) = growing.quarantine.list()
    assert held.reason == "duplicate_differs"


def test_when_too_many_wait_no_more_are_taken_and_nothing_of_them_is_left(
    growing: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing.index._group, "_most", 2)
    with nothing_is_indexed(database):
        answers = [growing.intake.receive(numbered(number)).status for number in (1, 2, 3)]
        assert answers == [Status.SUCCESS, Status.SUCCESS, Status.OUT_OF_RESOURCES]
        assert len(incoming(growing)) == 2
    growing.intake.flush()
    assert growing.intake.receive(numbered(3)) == SUCCESS
    growing.intake.flush()
    assert len(instances_of(database)) == len(growing.archived()) == 4


def test_associations_that_send_one_series_at_once_lose_nothing(growing: Gateway, database: Database) -> None:
    answers: list[Answer] = []

    def send(first: int) -> None:
        for number in range(first, first + 12):
            answers.append(growing.intake.receive(numbered(number)))
        growing.intake.flush()

    threads = [threading.Thread(target=send, args=[8 * number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [SUCCESS] * 48
    assert len(instances_of(database)) == len(growing.archived()) == 36
    assert sum(not answer.held for answer in answers) == 35


# -- settings ---------------------------------------------------------------------------------------------------------


def test_what_another_process_changes_holds_from_the_next_object_on(
    growing: Gateway, database: Database, tmp_path: Path
) -> None:
    other = Database(database.url)
    projects, routes = ProjectStore(other, tmp_path / "secrets"), RouteStore(other)
    assert growing.intake.receive(numbered(1, SeriesInstanceUID=f"{ROOT}.5", PatientSex="F")) == SUCCESS
    projects.change(Project("lungs", keep=("PatientSex",)))
    assert growing.intake.receive(numbered(2, SeriesInstanceUID=f"{ROOT}.6", PatientSex="F")) == SUCCESS
    kept = [bool(one.attributes.get("PatientSex")) for one in growing.catalogue.series("lungs")]
    assert sorted(kept) == [False, False, True]
    routes.remove(Route("SCANNER", ANY, "lungs"))
    assert growing.intake.receive(numbered(3)).status is Status.NOT_AUTHORIZED
    projects.add(Project("heads"))
    routes.add(Route("SCANNER", ANY, "heads"))
    assert growing.intake.receive(numbered(3)) == SUCCESS
    assert len(growing.catalogue.series("heads")) == 1
    other.close()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_settings_are_not_read_again_while_nobody_changes_anything(
    growing: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nothing_is_indexed(database):
        growing.intake.receive(numbered(1))
        with monkeypatch.context() as patched:
            patched.setattr(growing.routes, "list", lambda: pytest.fail("read again"))
            patched.setattr(growing.projects, "get", lambda _name: pytest.fail("read again"))
            assert growing.intake.receive(numbered(2)) == SUCCESS
    with database.write() as connection:
        connection.execute(sa.update(tables.projects).values(created_at=1.0))
    monkeypatch.setattr(growing.routes, "list", list)
    assert growing.intake.receive(numbered(3)).status is Status.NOT_AUTHORIZED
