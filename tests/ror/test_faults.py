"""What the product survives: kill -9 at every station, a PACS that is down, resends, duplicates, unfit series."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.demo.service import Installation
from orthanc import FileReport, OrthancServer, PeerError, PeerRefused, send
from tests.ror.conftest import hold_program
from tests.support.redcap_server import Field, RedcapServer
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct

pytestmark = pytest.mark.orthanc

DONE = {"CT": 8, "SEG": 1, "SR": 1}


def held_by(pacs: OrthancServer) -> dict[str, int]:
    """Number of instances by modality, over all studies."""
    counts: dict[str, int] = {}
    for series in pacs.rest.series():
        counts[series.modality] = counts.get(series.modality, 0) + series.instance_count
    return counts


def test_kill_between_two_objects_of_an_association_loses_nothing_acknowledged(
    serving: Serving, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    sent = small_ct(tmp_path / "ct")
    acknowledged: list[FileReport] = []

    def kill_after_three(report: FileReport) -> None:
        acknowledged.append(report)
        if len(acknowledged) == 3:
            serving.kill()

    with pytest.raises(PeerError):
        send(serving.peer, sent, on_sent=kill_after_three)
    stored = [report for report in acknowledged if report.stored]
    # What was being written when it was killed, and never acknowledged.
    incoming = serving.installation.home / "archive" / ".incoming"
    (incoming / "cut-off.part").write_bytes(b"half an object")
    assert 3 <= len(stored) <= len(serving.archived()) < len(sent)

    serving.start()
    assert list(incoming.iterdir()) == []
    indexed = serving.rows("SELECT sop_uid FROM instances")
    assert {row.sop_uid for row in indexed} == {file.stem for file in serving.archived()}
    send(serving.peer, sent)
    eventually(lambda: "succeeded" in serving.jobs().values(), lambda: str(serving.jobs()))
    assert len(serving.archived()) == len(sent)
    assert held_by(orthanc_pacs) == DONE


def test_a_filed_object_that_was_not_yet_indexed_is_found_again(serving: Serving, tmp_path: Path) -> None:
    send(serving.peer, small_ct(tmp_path / "ct"))
    serving.job_that_is("succeeded")
    serving.stop()
    before = serving.rows("SELECT sop_uid, path, sha256 FROM instances ORDER BY sop_uid")
    lost = serving.archived()[0].stem  # as if the process had died between filing and indexing it
    serving.change(f"DELETE FROM instances WHERE sop_uid = '{lost}'")
    serving.start()
    assert serving.rows("SELECT sop_uid, path, sha256 FROM instances ORDER BY sop_uid") == before


def test_kill_after_settling_runs_the_job_once(
    serving: Serving, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    send(serving.peer, small_ct(tmp_path / "ct"))
    eventually(lambda: "is settled" in serving.log.read_text())
    serving.kill()
    serving.start()
    serving.job_that_is("succeeded")
    assert held_by(orthanc_pacs) == DONE


@pytest.fixture
def gate(with_pacs: Installation, tmp_path: Path) -> Path:
    """A path; while it does not exist, the program of the workflow `box` waits behind its start."""
    held = tmp_path / "gate"
    hold_program(with_pacs, str(held), tmp_path / "box")
    return held


def starts_of(gate: Path) -> int:
    return len(list(gate.parent.glob(f"{gate.name}.started-*")))


def test_kill_while_the_program_runs_gives_its_results_once(
    gate: Path, serving: Serving, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    send(serving.peer, small_ct(tmp_path / "ct"))
    eventually(lambda: starts_of(gate) == 1)
    serving.kill()
    serving.start()
    eventually(lambda: starts_of(gate) == 2)
    gate.touch()
    serving.job_that_is("succeeded")
    assert held_by(orthanc_pacs) == DONE
    assert len(serving.installation.ask("measurements", "list")) == 1


def test_a_running_job_can_be_cancelled_and_retried(
    gate: Path, serving: Serving, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    send(serving.peer, small_ct(tmp_path / "ct"))
    eventually(lambda: starts_of(gate) == 1)
    job_id = serving.job_that_is("running")
    serving.installation.ror("jobs", "cancel", job_id)
    (started,) = gate.parent.glob(f"{gate.name}.started-*")
    pid = started.name.rpartition("-")[2]
    eventually(lambda: not Path("/proc", pid).exists())
    assert serving.jobs() == {job_id: "cancelled"}
    assert "Traceback" not in serving.log.read_text()
    assert held_by(orthanc_pacs) == {}
    gate.touch()
    serving.installation.ror("jobs", "retry", job_id)
    assert serving.job_that_is("succeeded") == job_id
    assert held_by(orthanc_pacs) == DONE


def test_a_late_slice_stops_the_running_job(
    gate: Path, serving: Serving, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    sent = small_ct(tmp_path / "ct", slices=9)
    send(serving.peer, sent[:-1])
    eventually(lambda: starts_of(gate) == 1)
    first = serving.job_that_is("running")
    send(serving.peer, sent[-1:])
    eventually(lambda: serving.jobs()[first] == "superseded", lambda: str(serving.jobs()))
    gate.touch()
    second = serving.job_that_is("succeeded")
    assert second != first
    assert held_by(orthanc_pacs) == {"CT": 9, "SEG": 1, "SR": 1}


def test_a_pacs_that_is_down_gets_everything_when_it_is_up(
    installation: Installation, tmp_path: Path
) -> None:
    pacs = OrthancServer(tmp_path / "orthanc")
    installation.configure("process", pacs.peer, settle_seconds=0.5)
    with Serving(installation) as serving:
        send(serving.peer, small_ct(tmp_path / "ct"))
        assert "waiting" in serving.waiting_at("deliver")
        with pacs:
            serving.job_that_is("succeeded")
            assert held_by(pacs) == DONE


@pytest.fixture
def redcap() -> Iterator[RedcapServer]:
    """A strict REDCap with the field of the workflow `box`."""
    with RedcapServer([Field("record_id"), Field("box_volume", validation="number")]) as server:
        yield server


def test_kill_between_pacs_and_redcap_gives_each_its_results_once(
    with_pacs: Installation, orthanc_pacs: OrthancServer, redcap: RedcapServer, tmp_path: Path
) -> None:
    with_pacs.ror("project", "change", "lungs", "--redcap-url", redcap.url)
    environment = {"ROR_REDCAP_TOKEN_LUNGS": redcap.token}
    redcap.down = 503
    with Serving(with_pacs, environment) as serving:
        send(serving.peer, small_ct(tmp_path / "ct"))
        serving.waiting_at("record")
        delivered = held_by(orthanc_pacs)
        serving.kill()
        redcap.down = None
        serving.start()
        serving.job_that_is("succeeded")
        (row,) = serving.installation.ask("measurements", "list")
    assert held_by(orthanc_pacs) == delivered == DONE
    ((key, values),) = redcap.records.items()
    assert key[0] == row["record_id"]
    assert float(values["box_volume"]) == float(row["value"])


def test_an_object_with_a_known_uid_and_other_content_is_kept_apart(serving: Serving, tmp_path: Path) -> None:
    send(serving.peer, small_ct(tmp_path / "ct"))
    serving.job_that_is("succeeded")
    before = [file.read_bytes() for file in serving.archived()]
    with pytest.raises(PeerRefused) as refused:
        send(serving.peer, small_ct(tmp_path / "changed", brightness=40)[:1])
    assert [report.status for report in refused.value.report.files] == [0xC011]
    assert [file.read_bytes() for file in serving.archived()] == before
    (held,) = serving.installation.ask("quarantine", "list")
    assert held["reason"] == "duplicate_differs"
    quarantine = serving.installation.home / "quarantine"
    assert quarantine.stat().st_mode & 0o777 == 0o700
    assert (quarantine / f"{held['sha256']}.dcm").exists()


def test_a_study_that_no_workflow_wants_says_which_rule_found_nothing(
    serving: Serving, tmp_path: Path
) -> None:
    send(serving.peer, small_ct(tmp_path / "ct", slices=2))
    study = eventually(lambda: serving.rows("SELECT study_uid FROM studies WHERE state = 'matched'"))[
        0
    ].study_uid
    assert serving.jobs() == {}
    (why,) = serving.installation.ask("jobs", "why", study)
    assert (why["job"], why["state"]) == ("", "")
    assert "NumImages" in why["reason"]


def test_a_failed_job_goes_on_with_the_step_that_failed(
    gate: Path, with_pacs: Installation, orthanc_pacs: OrthancServer, tmp_path: Path
) -> None:
    gate.touch()
    with_pacs.configure("process", settle_seconds=0.5)  # no [pacs.demo], which the project names
    with Serving(with_pacs) as serving:
        send(serving.peer, small_ct(tmp_path / "ct"))
        job_id = serving.job_that_is("failed")
        assert "[pacs.demo]" in serving.installation.ask("jobs", "show", job_id)["job"]["detail"]
        assert "Traceback" not in serving.log.read_text()
        # The service that runs sees what is written now.
        with_pacs.configure("process", orthanc_pacs.peer, settle_seconds=0.5)
        with_pacs.ror("jobs", "retry", job_id)
        assert serving.job_that_is("succeeded") == job_id
    assert held_by(orthanc_pacs) == DONE
    assert starts_of(gate) == 1


def test_a_late_slice_replaces_what_a_job_had_delivered_before_it_waited(
    with_pacs: Installation, orthanc_pacs: OrthancServer, redcap: RedcapServer, tmp_path: Path
) -> None:
    with_pacs.ror("project", "change", "lungs", "--redcap-url", redcap.url)
    redcap.down = 503
    sent = small_ct(tmp_path / "ct", slices=9)
    with Serving(with_pacs, {"ROR_REDCAP_TOKEN_LUNGS": redcap.token}) as serving:
        send(serving.peer, sent[:-1])
        serving.waiting_at("record")
        send(serving.peer, sent[-1:])
        eventually(lambda: "superseded" in serving.jobs().values())
        redcap.down = None
        job_id = serving.job_that_is("succeeded")
        assert [row["job_id"] for row in serving.installation.ask("measurements", "list")] == [job_id]
    assert held_by(orthanc_pacs) == {"CT": 9, "SEG": 1, "SR": 1}
