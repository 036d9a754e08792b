"""Objects that are acknowledged before they are indexed: what a killed process leaves of them, and who sees them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anonymizer import ResearchInstance
from ror.archive import DifferentContent, FileStore, Index, Receipt, describe, describe_later
from ror.archive.store import Filed
from ror.db import Database, tables
from ror.errors import ServiceUnavailable
from ror.model import StudyState
from tests.archive.test_store import files_below, research


class Killed(Enum):
    """Where the process was with an object when it was killed.

    When the power fails, names that were not durable may be lost, and it is as if it had not linked.
    """

    WRITING = auto()
    BEFORE_LINKING = auto()
    BEFORE_INDEXING = auto()
    BEFORE_LETTING_GO = auto()
    LATER = auto()


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "archive")


@pytest.fixture
def index(database: Database, store: FileStore) -> Iterator[Index]:
    """An index that knows the series of all objects of `research`, by its number 0."""
    with database.write() as connection:
        connection.execute(tables.projects.insert().values(name="lungs", settings={}, created_at=0.0))
    index = Index(database)
    first = research(0)
    index.add("lungs", describe(first.header()), store.file("lungs", first), digest_of(0), 1.0)
    yield index
    index.flush()  # or it would be indexed in the database of the next test


def digest_of(number: int) -> str:
    return f"{number:064x}"


def receipt_of(number: int) -> Receipt:
    return Receipt("lungs", digest_of(number), float(number))


def take_in(index: Index, store: FileStore, number: int) -> Filed:
    """Let an object wait to be indexed."""
    one = research(number)
    description = describe_later(one)
    assert index.may_wait(description)
    filed = store.file("lungs", one, receipt_of(number))
    index.add_soon(description, filed, receipt_of(number), 2.0)
    return filed


def leave(index: Index, store: FileStore, number: int, killed: Killed) -> None:
    """Leave of an object what a process leaves that is killed there."""
    one = research(number)
    filed = store.file("lungs", one, receipt_of(number))
    assert filed.waiting_at is not None
    file = store.root / filed.path
    match killed:
        case Killed.WRITING:
            file.unlink()
            filed.waiting_at.write_bytes(one.to_part10()[: number * 50])
        case Killed.BEFORE_LINKING:
            file.unlink()
        case Killed.BEFORE_LETTING_GO | Killed.LATER:
            index.add("lungs", describe(one.header()), filed, digest_of(number), 2.0, float(number))
            if killed is Killed.LATER:
                filed.waiting_at.unlink()


@contextmanager
def nothing_is_indexed(database: Database) -> Iterator[None]:
    """Have the table of instances locked against writers for a block."""
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("LOCK TABLE instances IN EXCLUSIVE MODE"))
        yield


def instances_of(database: Database) -> dict[str, str]:
    """The digests of all instances that are indexed, by UID."""
    table = tables.instances.c
    with database.read() as connection:
        return {row[0]: row[1] for row in connection.execute(sa.select(table.sop_uid, table.source_digest))}


def uid_of(number: int) -> str:
    return research(number).sop_instance_uid


# -- after a crash ----------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(killed=st.lists(st.sampled_from(Killed), min_size=1, max_size=6))
def test_whatever_was_acknowledged_is_indexed_once_wherever_the_process_was_killed(
    database: Database, store: FileStore, index: Index, killed: list[Killed]
) -> None:
    for number, where in enumerate(killed, 1):
        leave(index, store, number, where)
    store.discard_unfinished()
    again = Index(database)
    again.heal(store.root, ["lungs"])
    whole = {0} | {number for number, where in enumerate(killed, 1) if where is not Killed.WRITING}
    assert instances_of(database) == {uid_of(number): digest_of(number) for number in whole}
    held = again.study_instances(research(0).study_instance_uid)
    assert files_below(store) == {one.path for one in held}
    for number in whole:
        assert (store.root / store.path_of("lungs", research(number))).read_bytes() == research(
            number
        ).to_part10()
    assert again.heal(store.root, ["lungs"]) == 0
    with database.write() as connection:  # for the next example
        connection.execute(tables.instances.delete().where(tables.instances.c.sop_uid != uid_of(0)))
    for number in whole - {0}:
        (store.root / store.path_of("lungs", research(number))).unlink()


def test_an_object_whose_folders_the_power_cut_has_taken_is_filed_again(
    database: Database, store: FileStore, index: Index
) -> None:
    one = research(1, SeriesInstanceUID="1.2.3.99", StudyInstanceUID="1.2.3.98")
    filed = store.file("lungs", one, receipt_of(1))
    (store.root / filed.path).unlink()
    for folder in (store.root / filed.path).parents[:2]:
        folder.rmdir()
    Index(database).heal(store.root, ["lungs"])
    assert (store.root / filed.path).read_bytes() == one.to_part10()
    assert index.source_digest(one.sop_instance_uid) == digest_of(1)


def test_what_was_recovered_waits_to_settle_as_its_route_says(
    database: Database, store: FileStore, index: Index
) -> None:
    leave(index, store, 7, Killed.BEFORE_INDEXING)
    Index(database).heal(store.root, ["lungs"])
    (study,) = index.studies()
    assert (study.instances, study.settle_seconds) == (2, 7.0)


def test_what_was_refused_is_not_recovered(database: Database, store: FileStore, index: Index) -> None:
    """Killed between finding the name taken and removing what it had written."""
    other = research(1, Rows=7)
    refused = store.file("lungs", other, receipt_of(1))
    assert refused.waiting_at is not None
    (store.root / refused.path).unlink()
    leave(index, store, 1, Killed.LATER)
    store.discard_unfinished()
    Index(database).heal(store.root, ["lungs"])
    assert (store.root / refused.path).read_bytes() == research(1).to_part10()
    assert files_below(store) == {refused.path, store.path_of("lungs", research(0))}


# -- who sees what waits ----------------------------------------------------------------------------------------------


def test_what_waits_is_known_by_its_digest_and_seen_by_whoever_asks(
    database: Database, store: FileStore, index: Index
) -> None:
    with nothing_is_indexed(database):
        filed = take_in(index, store, 1)
        assert index.source_digest(uid_of(1)) == digest_of(1)
        assert uid_of(1) not in instances_of(database)
    assert [study.instances for study in index.studies()] == [2]
    assert index.source_digest(uid_of(1)) == digest_of(1)
    index.flush()
    assert files_below(store) == {filed.path, store.path_of("lungs", research(0))}


def test_a_study_does_not_settle_before_what_waits_is_in_it(
    database: Database, store: FileStore, index: Index
) -> None:
    index.settle(0.0, now=2.0)
    assert index.settled()
    take_in(index, store, 1)
    assert index.settled() == []
    (study,) = index.studies()
    assert (study.state, study.settle_seconds) == (StudyState.RECEIVING, 1.0)
    assert index.settle(0.0, now=study.last_received_at + 0.9) == {}
    index.sent_whole([study.study_uid], "its sender said so")
    take_in(index, store, 2)
    assert index.settle(0.0, now=study.last_received_at) == {}


def test_a_series_has_the_attributes_of_its_least_instance_also_when_that_has_waited(
    database: Database, store: FileStore, index: Index
) -> None:
    numbers = sorted(range(1, 9), key=uid_of, reverse=True)
    for number in numbers:
        one = research(number, InstanceNumber=str(number))
        filed = store.file("lungs", one, receipt_of(number))
        index.add_soon(describe_later(one), filed, receipt_of(number), 2.0)
    index.flush()
    table, least = tables.series.c, min([uid_of(0), *map(uid_of, numbers)])
    with database.read() as connection:
        row = connection.execute(sa.select(table.attributes_of, table.attributes)).one()
    assert row.attributes_of == least
    assert row.attributes["SOPInstanceUID"] == [least]


def test_an_object_that_waits_can_be_brought_again_in_no_other_series(
    database: Database, store: FileStore, index: Index
) -> None:
    waits, elsewhere = take_in(index, store, 1), research(1, SeriesInstanceUID="1.2.3.99")
    with pytest.raises(DifferentContent):
        index.add("lungs", describe(elsewhere.header()), store.file("lungs", elsewhere), "", 3.0)
    assert [one.path for one in index.instances(research(1).series_instance_uid)][-1:] != []
    assert waits.path in {one.path for one in index.study_instances(elsewhere.study_instance_uid)}


def test_what_another_process_has_indexed_elsewhere_meanwhile_is_set_aside(
    database: Database, store: FileStore, index: Index
) -> None:
    elsewhere: ResearchInstance = research(1, SeriesInstanceUID="1.2.3.99")
    other = Index(database)
    with index._group._changed:  # its thread writes nothing before this block has ended
        filed = take_in(index, store, 1)
        other.add("lungs", describe(elsewhere.header()), store.file("lungs", elsewhere), "", 3.0)
    index.flush()
    assert filed.waiting_at is not None
    assert not filed.waiting_at.exists()
    assert not (store.root / filed.path).exists()
    assert (store.root / ".aside" / f"{uid_of(1)}.dcm").read_bytes() == research(1).to_part10()
    assert [study.instances for study in index.studies()] == [2]


def test_what_somebody_removes_while_it_waits_is_there_again(
    database: Database, store: FileStore, index: Index
) -> None:
    with index._group._changed:
        filed = take_in(index, store, 1)
        shutil.rmtree((store.root / filed.path).parents[1])
    index.flush()
    assert (store.root / filed.path).read_bytes() == research(1).to_part10()
    assert index.source_digest(uid_of(1)) == digest_of(1)


def test_what_another_process_has_recovered_meanwhile_is_indexed_once(
    database: Database, store: FileStore, index: Index
) -> None:
    numbers = range(1, 6)
    with index._group._changed:
        for number in numbers:
            take_in(index, store, number)
        Index(database).heal(store.root, ["lungs"])
    index.flush()
    assert instances_of(database) == {uid_of(number): digest_of(number) for number in (0, *numbers)}
    assert not list((store.root / ".incoming").iterdir())


def test_an_archive_that_somebody_removes_holds_up_nothing_that_comes_later(
    database: Database, store: FileStore, index: Index
) -> None:
    with index._group._changed:
        take_in(index, store, 1)
        shutil.rmtree(store.root)
    index.flush()
    (store.root / ".incoming").mkdir(parents=True)
    take_in(index, store, 2)
    index.flush()
    assert index.source_digest(uid_of(2)) == digest_of(2)


# -- a database that is away, or is another one -----------------------------------------------------------------------


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_while_the_database_is_locked_what_waits_goes_on_waiting(
    database: Database, store: FileStore, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = Database(database.url)
    sa.event.listen(impatient._engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout=0"))
    monkeypatch.setattr(index, "_database", impatient)
    with nothing_is_indexed(database):
        take_in(index, store, 1)
        for _ in range(2):
            with pytest.raises(ServiceUnavailable, match="cannot be indexed now"):
                index.flush()
        take_in(index, store, 2)
        assert index.source_digest(uid_of(1)) == digest_of(1)
    index.flush()
    assert instances_of(database) == {uid_of(number): digest_of(number) for number in range(3)}
    assert not list((store.root / ".incoming").iterdir())
    impatient.close()


def test_what_waits_is_indexed_also_in_a_database_that_has_lost_its_series(
    database: Database, store: FileStore, index: Index
) -> None:
    with database.write() as connection:
        for table in (tables.instances, tables.series, tables.studies):
            connection.execute(table.delete())
    take_in(index, store, 1)
    index.flush()
    assert instances_of(database) == {uid_of(1): digest_of(1)}
    assert [study.instances for study in index.studies()] == [1]
