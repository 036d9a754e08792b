"""What jobs have made and measured, on both databases; writing twice is harmless."""

from __future__ import annotations

import pytest

from ror.db import Database
from ror.engine import JobStore
from ror.results import DeliveryState, Ledger, MadeObject, MeasurementRow, MeasurementStore, Receipt
from ror.results.model import Row
from tests.engine.test_jobs import a_job, create, jobs

__all__ = ["jobs"]  # the fixture

OLD, NEW, OTHER = a_job("a"), a_job("b"), a_job("c", key="another match", project="heads")


@pytest.fixture
def made(database: Database, jobs: JobStore) -> None:
    for job in (OLD, NEW, OTHER):
        create(database, jobs, job)


def row(field: str, value: float | str, **more: object) -> Row:
    values: dict[str, object] = {
        "record_id": "P",
        "event": "",
        "repeat_instrument": "",
        "repeat_instance": None,
        "announced": None,
    }
    return Row(field_name=field, value=value, **values | more)  # type: ignore[arg-type]


@pytest.mark.usefixtures("made")
def test_measurements_are_replaced_not_added(database: Database) -> None:
    store = MeasurementStore(database)
    rows = [
        row("volume", 1.5),
        row("volume", 2, repeat_instance=2, repeat_instrument="lesion"),
        row("kind", "a"),
    ]
    for _ in range(2):
        store.replace(OLD, rows, [])
    assert [(one.field_name, one.value, one.repeat_instance) for one in store.list()] == [
        ("kind", "a", None),
        ("volume", "1.5", None),
        ("volume", "2", 2),
    ]
    store.replace(OLD, rows[:1], [])
    (left,) = store.list()
    assert left == MeasurementRow(
        "lungs", "P", "", "1.1", "", "CT, MR", "", "box", "1.0", "volume", "1.5", "", "", None, OLD.id
    )


@pytest.mark.usefixtures("made")
def test_a_newer_job_takes_the_place_of_those_it_replaces(database: Database) -> None:
    store = MeasurementStore(database)
    store.replace(OLD, [row("volume", 1), row("only_old", 1)], [])
    store.replace(OTHER, [row("volume", 9)], [])
    for _ in range(2):
        store.replace(NEW, [row("volume", 2)], [OLD.id])
    assert [(one.job_id, one.value) for one in store.list()] == [(OTHER.id, "9"), (NEW.id, "2")]
    assert [one.job_id for one in store.list("lungs")] == [NEW.id]


def an_object(number: int, kind: str = "SEG") -> MadeObject:
    return MadeObject(f"1.{number}", kind, "1.2", "1.3", "1.1", f"results/{number}.dcm")


@pytest.mark.usefixtures("made")
def test_what_a_job_has_made_is_noted_in_place_of_what_it_had(database: Database) -> None:
    ledger = Ledger(database)
    ledger.set_made(OTHER.id, [an_object(9)])
    for _ in range(2):
        ledger.set_made(OLD.id, [an_object(2, "SR"), an_object(1)])
    assert ledger.made([OLD.id]) == [an_object(1), an_object(2, "SR")]
    ledger.set_made(OLD.id, [an_object(3)])
    assert ledger.made([OLD.id, OTHER.id]) == [an_object(3), an_object(9)]
    assert ledger.made([]) == []


def test_each_destination_has_its_own_receipts(database: Database) -> None:
    ledger = Ledger(database)
    ledger.note_delivered("research", ["1.1", "1.2"], 10.0)
    ledger.note_delivered("clinic", ["1.1"], 20.0)
    assert set(ledger.receipts("research", ["1.1", "1.2", "1.3"])) == {"1.1", "1.2"}
    assert ledger.receipts("clinic", ["1.1", "1.2"]) == {"1.1": Receipt("1.1", 20.0, 1, None, None)}
    ledger.forget_delivered("research", ["1.1"])
    assert set(ledger.receipts("research", ["1.1", "1.2"])) == {"1.2"}
    assert set(ledger.receipts("clinic", ["1.1"])) == {"1.1"}
    assert ledger.receipts("nowhere", ["1.1"]) == {}


def test_what_is_sent_again_is_to_be_confirmed_again(database: Database) -> None:
    ledger = Ledger(database)
    ledger.note_delivered("research", ["1.1"], 10.0)
    ledger.note_confirmed("research", ["1.1", "1.2"], "C-FIND", 11.0)
    assert ledger.receipts("research", ["1.1", "1.2"]) == {"1.1": Receipt("1.1", 10.0, 1, 11.0, "C-FIND")}
    ledger.note_delivered("research", ["1.1"], 20.0)
    assert ledger.receipts("research", ["1.1"]) == {"1.1": Receipt("1.1", 20.0, 2, None, None)}


@pytest.mark.usefixtures("made")
def test_how_the_results_of_a_job_stand_is_told_for_each_destination(database: Database) -> None:
    ledger = Ledger(database)
    ledger.set_made(OLD.id, [an_object(1), an_object(2)])
    ledger.set_made(OTHER.id, [an_object(3)])
    assert ledger.states(OLD.id) == []
    assert ledger.states(OLD.id, ["clinic"]) == [DeliveryState("clinic", 2, 0, 0, "", None)]
    assert ledger.states(NEW.id, ["clinic"]) == []  # it made nothing
    ledger.note_delivered("research", ["1.1", "1.2", "1.3"], 10.0)
    ledger.note_delivered("clinic", ["1.1"], 30.0)
    ledger.note_confirmed("research", ["1.1"], "C-FIND", 20.0)
    assert ledger.states(OLD.id) == [
        DeliveryState("clinic", 2, 1, 0, "", 30.0),
        DeliveryState("research", 2, 2, 1, "C-FIND", 20.0),
    ]
    ledger.note_confirmed("research", ["1.2"], "QIDO-RS", 25.0)
    assert ledger.states(OLD.id)[1] == DeliveryState("research", 2, 2, 2, "C-FIND, QIDO-RS", 25.0)


def test_a_study_of_many_thousand_images_can_be_noted_and_asked_for(database: Database) -> None:
    ledger = Ledger(database)
    many = {f"2.25.{number}" for number in range(70_000)}
    assert ledger.receipts("research", many) == {}
    ledger.note_confirmed("research", many, "C-FIND", 1.0)
    ledger.forget_delivered("research", many)
