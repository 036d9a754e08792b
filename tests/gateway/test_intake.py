"""The way in: every answer that a sender can get, and what is left behind it."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydicom import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from ror.db import Database, tables
from ror.errors import ServiceUnavailable
from ror.gateway import Answer, Received, Status
from ror.registry import ANY, Project, Route
from tests.anonymizer.planted import ct, minimal
from tests.gateway.conftest import Gateway, received


def rows(database: Database, table: sa.Table) -> list[object]:
    with database.read() as connection:
        return list(connection.execute(sa.select(table).order_by(*table.primary_key)))


def nothing_left(gateway: Gateway, database: Database) -> bool:
    return not gateway.archived() and not rows(database, tables.instances) and not gateway.quarantine.list()


# -- taken in ---------------------------------------------------------------------------------------------------------


def test_an_object_is_filed_and_indexed_before_success_is_told(gateway: Gateway, database: Database) -> None:
    assert gateway.intake.receive(received()) == Answer(Status.SUCCESS)
    ((path, _content),) = gateway.archived().items()
    (series,) = gateway.catalogue.series("lungs")
    (held,) = gateway.index.instances(series.uid)
    assert held.path == path
    assert gateway.quarantine.list() == []


def test_a_resend_changes_nothing(gateway: Gateway, database: Database) -> None:
    gateway.intake.receive(received())
    before = gateway.archived(), rows(database, tables.instances), rows(database, tables.studies)
    assert gateway.intake.receive(received()) == Answer(Status.SUCCESS)
    assert (gateway.archived(), rows(database, tables.instances), rows(database, tables.studies)) == before


def test_a_resend_of_what_was_healed_is_a_resend(gateway: Gateway, database: Database) -> None:
    """After a crash the index does not know the digest of what was received; the content is compared instead."""
    gateway.intake.receive(received())
    before = gateway.archived()
    with database.write() as connection:
        connection.execute(tables.instances.delete())
    gateway.index.heal(gateway.files.root, ["lungs"])
    assert gateway.intake.receive(received()) == Answer(Status.SUCCESS)
    assert gateway.archived() == before


OTHER_SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
DIGESTS = ["of the content", "of the bytes", "lost"]


@pytest.mark.parametrize("syntax", OTHER_SYNTAXES)
@pytest.mark.parametrize("digest", DIGESTS)
def test_a_resend_in_another_transfer_syntax_is_a_resend(
    gateway: Gateway, database: Database, syntax: str, digest: str
) -> None:
    """Also where the index has what an earlier release wrote, or nothing since a crash."""
    gateway.intake.receive(received(full()))
    _keep_digest(gateway, database, digest)
    before = gateway.archived(), rows(database, tables.instances), rows(database, tables.studies)
    assert gateway.intake.receive(received(full(), syntax=syntax)) == Answer(Status.SUCCESS)
    assert (gateway.archived(), rows(database, tables.instances), rows(database, tables.studies)) == before
    assert gateway.quarantine.list() == []
    changed = full()
    changed.Rows += 1
    assert gateway.intake.receive(received(changed, syntax=syntax)).status is Status.DUPLICATE_DIFFERS


@pytest.mark.parametrize("digest", DIGESTS[:2])
def test_a_resend_stays_one_when_the_profile_changes(
    gateway: Gateway, database: Database, digest: str
) -> None:
    gateway.intake.receive(received(full()))
    _keep_digest(gateway, database, digest)
    gateway.projects.change(Project("lungs", keep=("PatientSex",)))
    assert gateway.intake.receive(received(full())) == Answer(Status.SUCCESS)
    assert gateway.quarantine.list() == []


def full() -> Dataset:
    """An object with numbers, items and private items, whose bytes depend on the transfer syntax."""
    inner = Dataset()
    inner.ReferencedFrameNumber = 7
    dataset = minimal(Rows=2, Columns=2, PatientSex="F", ReferencedImageSequence=[inner])
    dataset.private_block(0x0029, "OURS", create=True).add_new(1, "SQ", [inner])
    return dataset


def _keep_digest(gateway: Gateway, database: Database, which: str) -> None:
    kept = {"of the bytes": gateway.projects.key("lungs").fingerprint(received(full()).data), "lost": ""}
    if which in kept:
        with database.write() as connection:
            connection.execute(tables.instances.update().values(source_digest=kept[which]))


def test_associations_that_race_with_one_object_in_two_syntaxes_all_succeed(
    gateway: Gateway, database: Database
) -> None:
    start, answers = threading.Barrier(6), []

    def send(syntax: str) -> None:
        start.wait()
        answers.append(gateway.intake.receive(received(full(), syntax=syntax)))

    threads = [threading.Thread(target=send, args=[syntax]) for syntax in OTHER_SYNTAXES * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [Answer(Status.SUCCESS)] * 6
    assert len(gateway.archived()) == len(rows(database, tables.instances)) == 1
    ((_path, held),) = gateway.archived().items()
    (row,) = rows(database, tables.instances)
    assert row.sha256 == hashlib.sha256(held).hexdigest()


def test_associations_that_race_with_one_object_all_succeed(gateway: Gateway, database: Database) -> None:
    start, answers = threading.Barrier(6), []

    def send() -> None:
        start.wait()
        answers.append(gateway.intake.receive(received()))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [Answer(Status.SUCCESS)] * 6
    assert len(gateway.archived()) == len(rows(database, tables.instances)) == 1


def test_a_change_of_the_project_holds_from_the_next_object_on(gateway: Gateway) -> None:
    gateway.intake.receive(received(minimal(PatientSex="F")))
    gateway.projects.change(Project("lungs", keep=("PatientSex",)))
    next_one = minimal(PatientSex="F", SOPInstanceUID="1.2.3.9", SeriesInstanceUID="1.2.3.8")
    gateway.intake.receive(received(next_one))
    kept = [bool(series.attributes.get("PatientSex")) for series in gateway.catalogue.series("lungs")]
    assert sorted(kept) == [False, True]


# -- refused ----------------------------------------------------------------------------------------------------------


def test_a_sender_without_a_route_is_refused_and_nothing_is_kept(
    gateway: Gateway, database: Database
) -> None:
    answer = gateway.intake.receive(received(calling="STRANGER"))
    assert answer.status == 0x0124
    assert nothing_left(gateway, database)


def test_below_the_disk_reserve_objects_are_refused(
    gateway: Gateway, build: Callable[..., Gateway], database: Database
) -> None:
    full = build(reserve_mib=2**40)
    assert full.intake.receive(received()).status == 0xA700
    assert nothing_left(full, database)
    assert gateway.intake.receive(received()).status == 0x0000


def test_a_disk_that_refuses_is_out_of_resources_and_the_resend_is_taken(
    gateway: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        assert gateway.intake.receive(received()).status == 0xA700
    assert nothing_left(gateway, database)
    assert gateway.intake.receive(received()).status == 0x0000


def test_a_database_that_does_not_answer_is_out_of_resources_and_the_resend_is_taken(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise ServiceUnavailable("the database does not answer: it is locked")

    with monkeypatch.context() as patched:
        patched.setattr(gateway.index, "add", locked)
        assert gateway.intake.receive(received()).status == 0xA700
    assert gateway.intake.receive(received()).status == 0x0000
    (series,) = gateway.catalogue.series("lungs")
    assert series.attributes["NumImages"] == ("1",)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_locked_sqlite_is_out_of_resources(
    gateway: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = Database(f"{database.url}?timeout=0")
    sa.event.listen(impatient._engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout=0"))
    monkeypatch.setattr(gateway.index, "_database", impatient)
    with database.write():
        assert gateway.intake.receive(received()).status == 0xA700
    assert gateway.intake.receive(received()).status == 0x0000
    impatient.close()


def test_a_lost_secret_is_out_of_resources_not_a_new_pseudonym(gateway: Gateway, database: Database) -> None:
    (gateway.folder / "secrets" / "lungs.key").unlink()
    assert gateway.intake.receive(received()).status == 0xA700
    assert nothing_left(gateway, database)


def other_study() -> Received:
    return received(minimal(StudyInstanceUID="1.2.3.4.5", SeriesInstanceUID="1.2.3.4.6"))


REFUSED = [
    (lambda: received(minimal(PatientID="")), 0xA900, None),
    (lambda: received(minimal(StudyInstanceUID="")), 0xA900, None),
    (lambda: received(cut=40), 0xC000, None),
    (lambda: received(minimal(BurnedInAnnotation="YES")), 0xC010, None),
    (lambda: received(minimal(Rows=7)), 0xC011, "duplicate_differs"),
    (other_study, 0xC011, "duplicate_differs"),
    (
        lambda: received(minimal(StudyInstanceUID="1.2.3.4.5", SOPInstanceUID="1.2.3.4.7")),
        0xC011,
        "duplicate_differs",
    ),
]


@pytest.mark.parametrize(("wrong", "status", "reason"), REFUSED)
def test_what_cannot_be_taken_in_is_kept_in_quarantine_once(
    gateway: Gateway, database: Database, wrong: Callable[[], Received], status: int, reason: str | None
) -> None:
    gateway.intake.receive(received())
    before = gateway.archived(), rows(database, tables.instances), rows(database, tables.series)
    answers = [gateway.intake.receive(wrong()) for _ in range(2)]
    assert [answer.status for answer in answers] == [status, status]
    assert len(answers[0].comment) <= 64
    assert (gateway.archived(), rows(database, tables.instances), rows(database, tables.series)) == before
    (held,) = gateway.quarantine.list()
    assert (held.project, held.calling_ae) == ("lungs", "SCANNER")
    assert held.reason == (reason or held.reason)
    folder = gateway.folder / "quarantine"
    assert folder.stat().st_mode & 0o777 == 0o700
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (file.name, file.read_bytes()) == (f"{held.sha256}.dcm", wrong().to_part10())


def test_associations_that_race_with_one_refused_object_hold_it_once(gateway: Gateway) -> None:
    start, answers = threading.Barrier(6), []

    def send() -> None:
        start.wait()
        answers.append(gateway.intake.receive(received(cut=40)).status)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [0xC000] * 6
    (file,) = (gateway.folder / "quarantine").iterdir()
    assert file.suffix == ".dcm"


def test_a_disk_that_refuses_the_quarantine_is_out_of_resources(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    assert gateway.intake.receive(received(cut=40)).status == 0xA700
    assert gateway.quarantine.list() == []
    assert not list((gateway.folder / "quarantine").iterdir())


# -- nobody is quoted -------------------------------------------------------------------------------------------------


def test_no_answer_log_line_or_row_carries_what_was_planted(
    gateway: Gateway, database: Database, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    planted = ct()
    whole = received(planted.dataset)
    answers = [gateway.intake.receive(whole)]
    answers.append(gateway.intake.receive(received(planted.dataset, cut=300)))
    for keyword, value in (
        ("Rows", 7),
        ("BurnedInAnnotation", "YES"),
        ("StudyInstanceUID", planted.uid()),
        ("PatientID", ""),
    ):
        setattr(planted.dataset, keyword, value)
        answers.append(gateway.intake.receive(received(planted.dataset)))
    gateway.intake.receive(received(planted.dataset, calling="STRANGER"))
    assert len({answer.status for answer in answers}) >= 4
    told = [answer.comment for answer in answers] + [caplog.text, repr(whole)]
    told += [repr(rows(database, table)) for table in tables.metadata.tables.values()]
    text = "\n".join(told).lower()
    assert len(planted.secrets) > 20
    assert [word for word in planted.secrets if word.decode().lower() in text] == []
    archive = b"\n".join(gateway.archived().values()).lower()
    assert [word for word in planted.secrets if word.lower() in archive] == []


def test_any_route_is_any_sender(gateway: Gateway) -> None:
    gateway.projects.add(Project("rest"))
    gateway.routes.add(Route(ANY, ANY, "rest"))
    assert gateway.intake.receive(received(calling="STRANGER")).status == 0x0000
    assert [series.attributes["Path"][0].split("/")[0] for series in gateway.catalogue.series("rest")] == [
        "rest"
    ]
