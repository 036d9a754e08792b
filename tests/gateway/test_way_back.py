"""What a project with results for a clinical PACS keeps of each object: its original UIDs, sealed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from ror.archive import Index
from ror.db import Database, tables
from ror.gateway import Received, Status
from ror.registry import PseudonymRule
from tests.anonymizer.planted import ROOT, ct, minimal
from tests.archive.test_indexing_behind import nothing_is_indexed
from tests.gateway.conftest import Gateway, received
from tests.gateway.test_who_comes_in import everything

SHARED = {
    "StudyInstanceUID": f"{ROOT}.2",
    "SeriesInstanceUID": f"{ROOT}.3",
    "FrameOfReferenceUID": f"{ROOT}.5",
}


def numbered(number: int, **attributes: object) -> Received:
    """An object of one series, and of one frame of reference."""
    said: dict[str, object] = {**SHARED, "SOPInstanceUID": f"{ROOT}.4.{number}", **attributes}
    return received(minimal(**said))  # type: ignore[arg-type]


@pytest.fixture
def keeping(gateway: Gateway) -> Gateway:
    """A gateway whose project keeps identities."""
    pytest.importorskip("cryptography", reason="the package cryptography is not installed")
    gateway.who.identities.make_key("lungs")
    gateway.who.rules.set(PseudonymRule("lungs", keeps_identities=True))
    return gateway


def switch_on(gateway: Gateway) -> Gateway:
    gateway.projects.change(replace(gateway.projects.get("lungs"), original_identity=True))
    return gateway


def kept(gateway: Gateway, database: Database) -> dict[str, str]:
    """Original UIDs by those of research, opened."""
    gateway.intake.flush()
    with database.read() as connection:
        uids = list(connection.execute(sa.select(tables.original_uids.c.uid)).scalars())
    return gateway.who.identities.way_back("lungs").originals(uids)


def expected(gateway: Gateway, *numbers: int, **attributes: str) -> dict[str, str]:
    key = gateway.projects.key("lungs")
    originals = [*(SHARED | attributes).values(), *(f"{ROOT}.4.{number}" for number in numbers)]
    return {key.uid(one): one for one in originals}


def test_the_way_back_of_each_image_its_series_study_and_frame_of_reference_is_kept(
    keeping: Gateway, database: Database
) -> None:
    switch_on(keeping)
    for number in range(4):
        assert keeping.intake.receive(numbered(number)).status is Status.SUCCESS
    assert kept(keeping, database) == expected(keeping, 0, 1, 2, 3)
    text = everything(database)
    assert [uid for uid in expected(keeping, 0, 1, 2, 3).values() if uid in text] == []


def test_a_second_frame_of_reference_in_a_series_is_kept_too(keeping: Gateway, database: Database) -> None:
    switch_on(keeping)
    keeping.intake.receive(numbered(0))
    keeping.intake.receive(numbered(1, FrameOfReferenceUID=f"{ROOT}.6"))
    other = expected(keeping, FrameOfReferenceUID=f"{ROOT}.6")
    assert kept(keeping, database) == expected(keeping, 0, 1) | other


def test_a_frame_of_reference_of_the_standard_needs_no_way_back(keeping: Gateway, database: Database) -> None:
    switch_on(keeping)
    atlas = "1.2.840.10008.1.4.1.1"
    keeping.intake.receive(numbered(0, FrameOfReferenceUID=atlas))
    assert atlas not in kept(keeping, database).values()


@pytest.mark.parametrize("keeps_identities", [True, False])
def test_without_the_switch_or_the_identity_nothing_of_it_is_kept(
    gateway: Gateway, database: Database, keeps_identities: bool
) -> None:
    if keeps_identities:
        pytest.importorskip("cryptography", reason="the package cryptography is not installed")
        gateway.who.identities.make_key("lungs")
        gateway.who.rules.set(PseudonymRule("lungs", keeps_identities=True))
    else:
        switch_on(gateway)
    for number in range(2):
        assert gateway.intake.receive(numbered(number)).status is Status.SUCCESS
    gateway.intake.flush()
    with database.read() as connection:
        assert connection.execute(sa.select(tables.original_uids)).all() == []


def test_a_study_that_came_before_the_switch_gets_its_way_back_when_it_is_sent_again(
    keeping: Gateway, database: Database
) -> None:
    for number in range(3):
        keeping.intake.receive(numbered(number))
    switch_on(keeping)
    assert kept(keeping, database) == {}
    answers = [keeping.intake.receive(numbered(number)) for number in range(3)]
    assert [(answer.status, answer.held) for answer in answers] == [(Status.SUCCESS, True)] * 3
    assert kept(keeping, database) == expected(keeping, 0, 1, 2)


def test_the_way_back_of_what_a_killed_process_had_acknowledged_is_found_after_the_restart(
    keeping: Gateway, database: Database
) -> None:
    switch_on(keeping)
    keeping.intake.receive(numbered(0))
    keeping.intake.flush()
    with database.read() as connection:
        first = set(connection.execute(sa.select(tables.instances.c.sop_uid)).scalars())
    with nothing_is_indexed(database):
        assert keeping.intake.receive(numbered(1)).status is Status.SUCCESS
        (waits,) = (keeping.files.root / ".incoming").iterdir()
        data = waits.read_bytes()
        assert f"{ROOT}.4.1" not in waits.name
    keeping.intake.flush()
    lost = keeping.projects.key("lungs").uid(f"{ROOT}.4.1")
    with database.write() as connection:  # as if it had been killed before it was indexed
        connection.execute(tables.instances.delete().where(tables.instances.c.sop_uid.not_in(first)))
        connection.execute(tables.original_uids.delete().where(tables.original_uids.c.uid == lost))
    waits.write_bytes(data)
    for path, content in keeping.archived().items():
        if content == data and not path.startswith("."):
            (keeping.files.root / path).unlink()
    Index(database).heal(keeping.files.root, ["lungs"])
    assert kept(keeping, database) == expected(keeping, 0, 1)


def test_what_is_kept_of_a_planted_object_shows_nothing_of_it(keeping: Gateway, database: Database) -> None:
    switch_on(keeping)
    planted = ct()
    assert keeping.intake.receive(received(planted.dataset)).status is Status.SUCCESS
    originals = kept(keeping, database).values()
    assert planted.dataset.SOPInstanceUID in originals
    text = everything(database).lower()
    assert [word for word in planted.secrets if word.decode().lower() in text] == []


def test_nothing_is_taken_in_while_the_key_is_lost(keeping: Gateway) -> None:
    switch_on(keeping)
    key = keeping.who.identities.key_file("lungs")
    key.rename(key.with_suffix(".away"))
    assert keeping.intake.receive(numbered(0)).status is Status.OUT_OF_RESOURCES
    assert keeping.archived() == {}
