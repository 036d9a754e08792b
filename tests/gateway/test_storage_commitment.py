"""Storage commitment: what is in the archive is committed, anything else is not, and the sender is told in the end."""

from __future__ import annotations

import itertools
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import MRImageStorage

from anonymizer import Option
from orthanc import send
from ror.config import PacsSettings
from ror.db import Database
from ror.errors import ServiceUnavailable
from ror.gateway import Services
from ror.gateway.association import promises
from ror.gateway.services.pending import Commitment, PendingCommitments
from ror.gateway.services.reporting import GIVEN_UP_SECONDS
from ror.gateway.services.statuses import Refused
from ror.registry import ANY, Project, Route, Sender
from tests.anonymizer.planted import minimal, part10
from tests.gateway.asking import DEADLINE_SECONDS, Served, Workstation, commitment_request, uid_of
from tests.gateway.conftest import Gateway
from tests.support.serving import eventually

ALL_THERE, FAILURES_EXIST = 1, 2
PROCESSING_FAILURE, NO_SUCH_INSTANCE, CLASS_CONFLICT = 0x0110, 0x0112, 0x0119
_transactions = (f"1.2.3.{number}" for number in itertools.count(1))


@pytest.fixture(autouse=True)
def _no_association_is_taken_for_kept_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not make a report cross with a release; `Served.kept_open` has its own time."""
    monkeypatch.setattr(promises, "_KEPT_OPEN_SECONDS", DEADLINE_SECONDS)


@pytest.fixture
def served(gateway: Gateway, database: Database) -> Iterator[Served]:
    with Served(gateway, database) as one:
        yield one


def committed(report: Dataset) -> set[str]:
    return {str(one.ReferencedSOPInstanceUID) for one in report.get("ReferencedSOPSequence", ())}


def failed(report: Dataset) -> dict[str, int]:
    return {
        str(one.ReferencedSOPInstanceUID): int(one.FailureReason)
        for one in report.get("FailedSOPSequence", ())
    }


def pending(gateway: Gateway) -> list[Path]:
    return list((gateway.quarantine.folder / "commitments").glob("*"))


def result(served: Served, *uids: str, **options: str) -> tuple[int, Dataset]:
    """Ask, keep the association open, and get the result on it."""
    with served.kept_open() as asked:
        transaction = next(_transactions)
        assert asked.action(commitment_request(transaction, *uids, **options)) == 0
        event, report = asked.report()
    assert report.TransactionUID == transaction
    return event, report


# -- what is committed ------------------------------------------------------------------------------------------------


def test_what_was_stored_is_committed_on_the_same_association(served: Served, gateway: Gateway) -> None:
    served.store(1, 2, 3)
    event, report = result(served, *map(uid_of, (1, 2, 3)))
    assert event == ALL_THERE
    assert committed(report) == {uid_of(1), uid_of(2), uid_of(3)}
    assert "FailedSOPSequence" not in report
    eventually(lambda: pending(gateway) == [])


def test_what_never_came_fails_and_the_rest_is_committed(served: Served) -> None:
    served.store(1)
    event, report = result(served, uid_of(1), uid_of(2))
    assert event == FAILURES_EXIST
    assert committed(report) == {uid_of(1)}
    assert failed(report) == {uid_of(2): NO_SUCH_INSTANCE}


def test_where_all_fail_nothing_is_named_as_committed(served: Served) -> None:
    event, report = result(served, uid_of(1))
    assert (event, failed(report)) == (FAILURES_EXIST, {uid_of(1): NO_SUCH_INSTANCE})
    assert "ReferencedSOPSequence" not in report


def test_another_sop_class_than_the_one_that_is_held_is_a_conflict(served: Served) -> None:
    served.store(1)
    event, report = result(served, uid_of(1), sop_class=MRImageStorage)
    assert (event, failed(report)) == (FAILURES_EXIST, {uid_of(1): CLASS_CONFLICT})


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_what_is_in_quarantine_is_not_committed_though_its_uid_is_held(
    served: Served, gateway: Gateway
) -> None:
    """Else its sender would delete the second one, which is nowhere else."""
    served.store(1, 2)
    file = gateway.folder / "other.dcm"
    file.write_bytes(part10(minimal(SOPInstanceUID=uid_of(1), StudyInstanceUID="1.2.9", Rows=9)))
    with pytest.raises(Exception, match="0xC011"):
        send(served.peer, [file])
    _event, report = result(served, uid_of(1), uid_of(2))
    assert (committed(report), failed(report)) == ({uid_of(2)}, {uid_of(1): PROCESSING_FAILURE})


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_file_that_somebody_has_deleted_is_not_committed(served: Served, gateway: Gateway) -> None:
    served.store(1)
    (instance,) = gateway.index.study_instances(gateway.index.studies()[0].study_uid)
    (gateway.files.root / instance.path).unlink()
    _event, report = result(served, uid_of(1))
    assert failed(report) == {uid_of(1): PROCESSING_FAILURE}


def test_every_project_of_the_sender_is_looked_through_and_no_other(served: Served, gateway: Gateway) -> None:
    for name in ("heads", "others"):
        gateway.projects.add(Project(name))
    gateway.projects.add(Project("kept", options=(Option.RETAIN_UIDS,)))
    gateway.routes.add(Route("SCANNER", ANY, "heads", condition="Modality = MR"))
    gateway.routes.add(Route("SCANNER", ANY, "kept", condition="Modality = PT"))
    gateway.routes.add(Route("ELSE", ANY, "others"))
    served.store(1)
    served.store(2, Modality="MR", PatientID="P-2", StudyInstanceUID="1.2.10")
    served.store(3, Modality="PT", PatientID="P-3", StudyInstanceUID="1.2.11")
    _event, report = result(served, *map(uid_of, (1, 2, 3)))
    assert committed(report) == {uid_of(1), uid_of(2), uid_of(3)}
    with Workstation() as workstation:
        served.pacs["else"] = workstation.settings.model_copy(update={"ae_title": "ELSE"})
        with served.asked(calling="ELSE") as asked:
            assert asked.action(commitment_request(next(_transactions), uid_of(1))) == 0
        assert failed(workstation.report()[1]) == {uid_of(1): NO_SUCH_INSTANCE}


# -- on which association ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("takes_roles", [True, False])
def test_who_releases_its_association_gets_the_result_on_another(
    served: Served, gateway: Gateway, takes_roles: bool
) -> None:
    served.store(1)
    with Workstation(takes_roles=takes_roles) as workstation:
        served.pacs["ct"] = workstation.settings
        with served.asked() as asked:
            assert asked.action(commitment_request("1.2.3", uid_of(1))) == 0
        event, report = workstation.report()
        assert (event, committed(report), report.TransactionUID) == (ALL_THERE, {uid_of(1)}, "1.2.3")
        assert workstation.called_by == ["ROR"]
        eventually(lambda: pending(gateway) == [])


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_who_takes_no_report_on_its_own_association_gets_it_on_another(
    served: Served, gateway: Gateway
) -> None:
    served.store(1)
    with Workstation() as workstation:
        served.pacs["ct"] = workstation.settings
        with served.kept_open(0x0211) as asked:
            assert asked.action(commitment_request("1.2.3", uid_of(1))) == 0
            assert asked.report()[0] == ALL_THERE
        assert workstation.report()[0] == ALL_THERE
        eventually(lambda: pending(gateway) == [])


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_several_requests_on_one_association_are_all_answered_there(served: Served) -> None:
    served.store(1)
    with served.kept_open() as asked:
        for transaction in ("1.2.3.1", "1.2.3.2"):
            assert asked.action(commitment_request(transaction, uid_of(1))) == 0
            assert asked.report()[1].TransactionUID == transaction


# -- again and again --------------------------------------------------------------------------------------------------


def test_a_request_survives_the_service_and_is_answered_by_the_next(
    gateway: Gateway, database: Database
) -> None:
    with Served(gateway, database) as served:
        served.store(1)
        with served.asked() as asked:
            assert asked.action(commitment_request("1.2.3", uid_of(1))) == 0
    (file,) = pending(gateway)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    (file.parent / "left.part").write_text("{")
    with Workstation() as workstation, Served(gateway, database) as served:
        served.pacs["ct"] = workstation.settings
        served.services.reporter.wake()
        assert committed(workstation.report()[1]) == {uid_of(1)}
        eventually(lambda: pending(gateway) == [])


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_peer_that_cannot_take_the_result_now_gets_it_again(served: Served, gateway: Gateway) -> None:
    served.store(1)
    with Workstation([PROCESSING_FAILURE]) as workstation:
        served.pacs["ct"] = workstation.settings
        with served.asked() as asked:
            assert asked.action(commitment_request("1.2.3", uid_of(1))) == 0
        assert workstation.report() == workstation.report()
        eventually(lambda: pending(gateway) == [])


def test_a_result_that_a_peer_cannot_take_holds_up_no_other(gateway: Gateway, database: Database) -> None:
    with Served(gateway, database) as served:
        served.store(1)
        for transaction in ("1.2.3", "1.2.4"):
            with served.asked() as asked:
                assert asked.action(commitment_request(transaction, uid_of(1))) == 0
    with Workstation([PROCESSING_FAILURE]) as workstation, Served(gateway, database) as served:
        served.pacs["ct"] = workstation.settings
        served.services.reporter.wake()
        transactions = [workstation.report()[1].TransactionUID for _ in range(3)]
        assert transactions == ["1.2.3", "1.2.4", "1.2.3"]


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_peer_that_refuses_the_result_is_not_told_again(
    served: Served, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with Workstation([NO_SUCH_INSTANCE]) as workstation:
        served.pacs["ct"] = workstation.settings
        with served.asked() as asked:
            assert asked.action(commitment_request("1.2.3", uid_of(1))) == 0
        workstation.report()
        eventually(lambda: pending(gateway) == [])
    assert "refuses its storage commitment with status 0x0112" in caplog.text


@pytest.fixture
def reporter(gateway: Gateway, database: Database) -> Callable[[], Services]:
    """Makes services that nobody has started."""
    return lambda: Served(gateway, database).services


def kept(gateway: Gateway, calling: str, transaction: str, asked_at: float = 0.0) -> PendingCommitments:
    waiting = PendingCommitments(gateway.quarantine.folder)
    sender = Sender(calling, "ROR", "127.0.0.1")
    one = Commitment(sender, transaction, (("1.2.840.10008.5.1.4.1.1.2", uid_of(1)),), asked_at)
    waiting.keep(one)
    return waiting


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_peer_that_is_away_is_left_alone_ever_longer(
    gateway: Gateway, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1000.0]
    served = Served(gateway, database)
    served.pacs["away"] = PacsSettings(host="127.0.0.1", port=1, ae_title="SCANNER")
    reporter = served.services.reporter
    reporter._clock = lambda: now[0]
    kept(gateway, "SCANNER", "1.2.3", asked_at=now[0])
    kept(gateway, "SCANNER", "1.2.4", asked_at=now[0])
    pauses = []
    for _ in range(12):
        seconds = reporter.look(now[0])
        assert seconds is not None
        assert reporter.look(now[0]) == seconds  # nothing is due yet
        pauses.append(seconds)
        now[0] += seconds
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]
    assert caplog.text.count("storage commitment for SCANNER waits") == 1


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_what_could_not_be_reported_for_a_week_is_given_up(
    gateway: Gateway, reporter: Callable[[], Services], caplog: pytest.LogCaptureFixture
) -> None:
    kept(gateway, "SCANNER", "1.2.3", asked_at=1000.0)
    assert reporter().reporter.look(1000.0 + GIVEN_UP_SECONDS) is not None
    assert reporter().reporter.look(1001.0 + GIVEN_UP_SECONDS) is None
    assert pending(gateway) == []
    assert "is given up: ror.toml has no [pacs.NAME]" in caplog.text
    assert "1.2.3" not in caplog.text


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_while_the_database_is_away_the_request_waits(
    served: Served, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise ServiceUnavailable("the database does not answer")

    served.store(1)
    with Workstation() as workstation:
        with monkeypatch.context() as patched:
            patched.setattr(gateway.index, "held", away)
            with served.asked() as asked:
                assert asked.action(commitment_request("1.2.3", uid_of(1))) == 0
            assert len(pending(gateway)) == 1
        served.pacs["ct"] = workstation.settings
        assert committed(workstation.report()[1]) == {uid_of(1)}


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_file_that_is_no_request_is_told_and_the_others_go_on(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = kept(gateway, "SCANNER", "1.2.3")
    (folder,) = {file.parent for file in pending(gateway)}
    (folder / "broken.json").write_text(json.dumps({"calling_ae": "X"}))
    again = PendingCommitments(gateway.quarantine.folder)
    assert [one.sender.calling_ae for one in again.waiting()] == ["SCANNER"]
    assert waiting.waiting() == []  # its association has it in hand
    assert "broken.json cannot be read: KeyError" in caplog.text


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "action_type", "instance", "status"),
    [
        (commitment_request("1.2.3", "1.2"), 2, "1.2.840.10008.1.20.1.1", 0x0123),
        (commitment_request("1.2.3", "1.2"), 1, "1.2.3", 0x0112),
        (commitment_request("1.2.3"), 1, "1.2.840.10008.1.20.1.1", 0x0115),
        (commitment_request("", "1.2"), 1, "1.2.840.10008.1.20.1.1", 0x0115),
        (commitment_request("1.2.3", ""), 1, "1.2.840.10008.1.20.1.1", 0x0115),
    ],
    ids=["another action", "another instance", "no instances", "no transaction", "an instance without UID"],
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_request_that_is_none_is_refused_with_the_reason(
    served: Served, gateway: Gateway, data: Dataset, action_type: int, instance: str, status: int
) -> None:
    with served.asked() as asked:
        assert asked.action(data, action_type, instance) == status
    assert pending(gateway) == []


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_sender_that_takes_no_results_cannot_keep_others_from_asking(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ror.gateway.services.pending._MOST_OF_SENDER", 2)
    monkeypatch.setattr("ror.gateway.services.pending._MOST", 4)
    for transaction in ("1.2.3", "1.2.4", "1.2.4"):  # the same one again is one
        kept(gateway, "SCANNER", transaction)
    with pytest.raises(Refused, match="too many requests"):
        kept(gateway, "SCANNER", "1.2.5")
    for calling in ("CT", "MR"):
        kept(gateway, calling, "1.2.5")
    with pytest.raises(Refused, match="too many requests"):
        kept(gateway, "PT", "1.2.5")
    assert len(pending(gateway)) == 4


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_disk_that_takes_no_request_is_told_to_the_sender(served: Served, gateway: Gateway) -> None:
    (gateway.quarantine.folder / "commitments").write_text("no folder")
    with served.asked() as asked:
        assert asked.action(commitment_request("1.2.3", uid_of(1))) == 0x0213
