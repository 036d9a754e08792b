"""A study that is withdrawn is nowhere any more, as far as that can be, and does not come in again by itself."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from examples.demo.service import Installation
from orthanc import OrthancServer, PeerRefused, send
from ror.app import App
from ror.cli import cli
from ror.db import tables
from ror.errors import NotFound
from ror.gateway import Received, Status
from ror.model import Job, JobSeries, JobState, PseudonymScheme
from ror.registry import Project, PseudonymRule
from ror.results import MadeObject
from ror.withdrawal import Withdrawing
from tests.engine.test_jobs import a_job
from tests.support.redcap_server import Field, RedcapServer
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct

# The record of what was done, and what may not come in again.
KEEPS = {"audit", "withdrawals"}
KEEPS_OF_THE_PATIENT = {"identities", "subjects"}
# Columns that say whose a row is, or of which study.
SAYS_WHOSE = {"patient_id", "pseudonym", "study_uid", "series_uid", "sop_uid", "uid", "announcement_uid"}
SAYS_WHOSE |= {"job_id", "match_key", "record_id", "attributes_of", "made_by", "patient", "study"}


def tables_with(database: Path, *texts: str) -> set[str]:
    """The tables of a file of SQLite in which one of some texts occurs in any value."""
    with closing(sqlite3.connect(database)) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {
            name
            for name in names
            for row in connection.execute(f'SELECT * FROM "{name}"')
            if any(text in str(value) for value in row for text in texts)
        }


def a_row(table: sa.Table, **known: object) -> dict[str, object]:
    """A row of a table with what is known, and nothing in all other columns."""
    empty: dict[type, object] = {object: {}, bytes: b"sealed"}  # JSON, and what is encrypted
    kinds = {column.name: column.type.python_type for column in table.columns if not column.nullable}
    return {name: known.get(name, empty[kind] if kind in empty else kind()) for name, kind in kinds.items()}


# -- the whole way ----------------------------------------------------------------------------------------------------


@pytest.fixture
def redcap() -> Iterator[RedcapServer]:
    with RedcapServer(
        [Field("record_id"), Field("box_volume", validation="number"), Field("note")]
    ) as server:
        yield server


@pytest.mark.orthanc
def test_a_withdrawn_study_leaves_the_archive_the_pacs_and_redcap_and_comes_in_again_only_when_readmitted(
    with_pacs: Installation, orthanc_pacs: OrthancServer, redcap: RedcapServer, tmp_path: Path
) -> None:
    with_pacs.ror("project", "change", "lungs", "--redcap-url", redcap.url)
    token = with_pacs.home / "secrets" / "lungs.redcap-token"
    token.write_text(redcap.token)
    token.chmod(0o600)
    first, second = (small_ct(tmp_path / f"ct{seed}", seed=seed, slices=6) for seed in (1, 2))
    with Serving(with_pacs) as serving:
        send(serving.peer, first)
        one = serving.job_that_is("succeeded")
        send(serving.peer, second)
        eventually(lambda: list(serving.jobs().values()) == ["succeeded"] * 2, lambda: str(serving.jobs()))
        job = with_pacs.ask("jobs", "show", one)["job"]
        study, pseudonym = job["study_uid"], job["patient_id"]
        for values in redcap.records.values():
            values["note"] = "typed by a nurse"

        told = with_pacs.ask("project", "withdraw", study, "--dry-run")
        assert (told["images"], told["jobs"], told["delivered"], told["measured"]) == (
            6,
            [one],
            {"demo": 8},
            1,
        )
        assert len(orthanc_pacs.rest.studies()) == 2

        done = with_pacs.ask("project", "withdraw", study)
        assert (done["remains"], done["waits"]) == ({}, [])
        (left,) = orthanc_pacs.rest.studies()
        assert left.study_instance_uid != study
        assert [row["study_uid"] for row in with_pacs.ask("studies")] == [left.study_instance_uid]
        assert len(serving.archived()) == 6
        assert not (with_pacs.home / "jobs" / one).exists()
        assert tables_with(with_pacs.home / "ror.sqlite", study, pseudonym, one) <= KEEPS
        assert tables_with(with_pacs.home / "checkpoints.sqlite", study, pseudonym, one) == set()
        volumes = {key[0]: values["box_volume"] for key, values in redcap.records.items()}
        assert [record for record, volume in volumes.items() if volume == ""] == [pseudonym]
        assert {values["note"] for values in redcap.records.values()} == {"typed by a nurse"}

        with pytest.raises(PeerRefused) as refused:
            send(serving.peer, first)
        assert {file.status for file in refused.value.report.files} == {Status.WITHDRAWN}
        assert with_pacs.ask("quarantine", "list") == []
        assert list((with_pacs.home / "quarantine").rglob("*.dcm")) == []

        with_pacs.ror("project", "readmit", study, "--project", "lungs")
        send(serving.peer, first)
        eventually(lambda: list(serving.jobs().values()) == ["succeeded"] * 2, lambda: str(serving.jobs()))
        assert len(orthanc_pacs.rest.studies()) == 2
    actions = [row["action"] for row in with_pacs.ask("audit", "list")]
    assert [one for one in actions if one in ("withdraw", "withdrawn", "readmit")] == [
        "readmit",
        "withdrawn",
        "withdraw",
    ]


# -- its parts --------------------------------------------------------------------------------------------------------


class Home:
    """A home with one study of the project `lungs`, and a job on it that has delivered to `pacs`."""

    def __init__(self, root: Path, pacs: str) -> None:
        root.mkdir()
        self.root = root
        (root / "ror.toml").write_text(f"[listener]\nreserve_mib = 0\n[pacs.main]\n{pacs}\n")
        self.app = App(root)
        self.app.projects.add(Project("lungs", ("main",)))

    def take_in(self, folder: Path, seed: int = 1) -> str:
        for file in small_ct(folder, seed=seed, slices=3):
            answer = self.app.intake.receive(Received.from_file(file.read_bytes(), "CT"), "lungs")
            assert answer.status is Status.SUCCESS
        return self.app.index.studies()[0].study_uid

    def job_on(self, *study_uids: str, state: JobState = JobState.SUCCEEDED, key: str = "k") -> Job:
        series = tuple(JobSeries("CT", f"{uid}.1", uid, "a") for uid in study_uids)
        named = a_job(key, key=key)
        job = dataclasses.replace(named, study_uid=study_uids[0], series=series)
        with self.app.database.write() as connection:
            self.app.jobs.create(connection, job)
            connection.execute(tables.jobs.update().where(tables.jobs.c.id == job.id).values(state=state))
        folder = self.app.home.job(job.id)
        folder.results.mkdir(parents=True)
        seg = MadeObject(
            f"2.25.{key.encode().hex()}", "SEG", "1.2", "2.25.2", study_uids[0], "results/seg.dcm"
        )
        self.app.ledger.set_made(job.id, [seg])
        self.app.ledger.note_delivered("main", [seg.sop_uid], time.time())
        return job

    def filled(self) -> list[str]:
        """Let every table have a row of the first study; returns its UIDs, its pseudonym, and the id of a job on it."""
        self.app.index.settle(0.0, time.time() + 60.0)
        self.app.matcher.match_settled()
        study = self.app.index.studies()[0]
        instances = self.app.index.study_instances(study.study_uid)
        job = self.job_on(study.study_uid)
        known: dict[str, object] = dict.fromkeys(SAYS_WHOSE, study.study_uid)
        known |= {"project": "lungs", "job_id": job.id, "pseudonym": study.patient_id, "id": 1}
        known |= {
            "record_id": study.patient_id,
            "sop_uid": "1.2.3.4.5",
            "match_key": job.match_key,
            "workflow": job.workflow,
        }
        known |= {"series_uid": instances[0].series_uid, "state": "COMPLETED", "step": "stage"}
        with self.app.database.write() as connection:
            for table in tables.metadata.sorted_tables:
                columns = {column.name for column in table.columns}
                is_empty = connection.execute(sa.select(table)).first() is None
                if is_empty and SAYS_WHOSE & columns and table.name not in KEEPS:
                    connection.execute(table.insert().values(a_row(table, **known)))
        uids = [uid for one in instances for uid in (one.sop_uid, one.series_uid)]
        uids += [one.sop_uid for one in self.app.ledger.made([job.id])]
        return [study.study_uid, study.patient_id, job.id, "1.2.3.4.5", *uids]

    def ror(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ["--home", str(self.root), "project", *words])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Its PACS can be sent to, and removes nothing."""
    made = Home(tmp_path / "home", 'host = "127.0.0.1"\nport = 1\nae_title = "PACS"')
    yield made
    made.app.close()


def test_what_a_destination_cannot_remove_is_told_with_its_uids(home: Home, tmp_path: Path) -> None:
    study = home.take_in(tmp_path / "ct")
    job = home.job_on(study)
    (made,) = home.app.ledger.made([job.id])
    said = home.ror("withdraw", study)
    assert said.exit_code == 0, said.output
    assert "main cannot remove, and keeps 1 object:" in said.output
    assert made.sop_uid in said.output
    assert "1 at main" in home.ror("withdrawn").output
    (row,) = json.loads(home.ror("withdrawn", "--json").output)
    assert row["remains"] == {"main": [made.sop_uid]}


@pytest.mark.parametrize("forget", [False, True])
def test_no_row_and_no_file_leads_to_the_study_any_more(home: Home, tmp_path: Path, forget: bool) -> None:
    study, ids = home.take_in(tmp_path / "ct"), home.filled()
    database = home.root / "ror.sqlite"
    whose = {
        table.name
        for table in tables.metadata.sorted_tables
        if SAYS_WHOSE & {column.name for column in table.columns}
    }
    assert tables_with(database, *ids) >= whose - KEEPS | {"terms"}  # or a table was left out here
    Withdrawing(home.app).withdraw(Withdrawing(home.app).find(study), forget=forget)
    kept = KEEPS if forget else KEEPS | KEEPS_OF_THE_PATIENT
    assert tables_with(database, *ids) == kept
    with home.app.database.read() as connection:
        assert connection.execute(sa.select(tables.terms)).all() == []
    assert [file for file in home.root.rglob("*") if study in file.name] == []
    assert list((home.root / "archive").rglob("*.dcm")) == []
    assert list((home.root / "jobs").rglob("*.dcm")) == []


def test_what_is_said_of_other_studies_too_stays(home: Home, tmp_path: Path) -> None:
    study = home.take_in(tmp_path / "ct")
    home.take_in(tmp_path / "other", seed=2)
    home.filled()
    Withdrawing(home.app).withdraw(Withdrawing(home.app).find(study))
    (left,) = home.app.index.studies()
    (series,) = home.app.catalogue.series("lungs", study_uid=left.study_uid)
    with home.app.database.read() as connection:
        terms = {row.attribute: row.text for row in connection.execute(sa.select(tables.terms))}
    assert terms["StudyInstanceUID"] == left.study_uid
    assert terms["Modality"] == "CT" == series.values("Modality")[0]


def test_a_destination_that_is_away_is_told_and_the_same_command_goes_on(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    home = Home(tmp_path / "home", f'folder = "{shelf}"')
    study = home.take_in(tmp_path / "ct")
    job = home.job_on(study)
    (made,) = home.app.ledger.made([job.id])
    said = home.ror("withdraw", study)  # the folder is not there: nothing was mounted
    assert said.exit_code == 1
    assert "not done yet: main: " in said.output
    assert (
        f"what could be done is done, and nothing of it comes in any more; then: ror project withdraw {study}"
        in (said.output)
    )
    assert home.app.jobs.show(job.id).job.id == job.id
    answer = home.app.intake.receive(
        Received.from_file(next((tmp_path / "ct").iterdir()).read_bytes(), "CT"), "lungs"
    )
    assert answer.status in (Status.WITHDRAWN, Status.SUCCESS)  # held still, or refused: never anew
    delivered = shelf / made.study_uid / made.series_uid / f"SEG-{made.sop_uid}.dcm"
    delivered.parent.mkdir(parents=True)
    delivered.touch()
    said = home.ror("withdraw", study)
    assert said.exit_code == 0, said.output
    assert not delivered.exists()
    assert "1 object removed from main" in said.output
    home.app.close()


def test_a_patient_goes_with_all_studies_and_later_ones_are_refused(home: Home, tmp_path: Path) -> None:
    study = home.take_in(tmp_path / "ct")
    other = home.take_in(tmp_path / "other", seed=2)
    pseudonym = next(one.patient_id for one in home.app.index.studies() if one.study_uid == study)
    assert home.ror("withdraw", pseudonym).exit_code == 0
    assert [one.study_uid for one in home.app.index.studies()] == [other]
    for file in (tmp_path / "ct").iterdir():
        answer = home.app.intake.receive(Received.from_file(file.read_bytes(), "CT"), "lungs")
        assert answer.status is Status.WITHDRAWN
    assert home.app.quarantine.list() == []
    assert home.ror("readmit", pseudonym, "--project", "lungs").exit_code == 0
    assert home.take_in(tmp_path / "ct") == study


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.REVIEW, JobState.FAILED])
def test_jobs_that_have_not_ended_are_ended(home: Home, tmp_path: Path, state: JobState) -> None:
    study = home.take_in(tmp_path / "ct")
    home.job_on(study, state=state)
    assert home.ror("withdraw", study).exit_code == 0
    assert home.app.jobs.find() == []


def test_a_job_that_may_be_sending_is_stopped_and_asked_for_again(home: Home, tmp_path: Path) -> None:
    study = home.take_in(tmp_path / "ct")
    job = home.job_on(study, state=JobState.RUNNING)
    with home.app.database.write() as connection:
        step = {"job_id": job.id, "step": "deliver", "started_at": 0.0, "detail": ""}
        connection.execute(tables.job_steps.insert().values(step))
    said = home.ror("withdraw", study)
    assert (said.exit_code, "run it again in a minute" in said.output) == (1, True)
    assert home.app.jobs.get(job.id).state is JobState.CANCELLED
    assert home.ror("withdraw", study).exit_code == 0
    assert home.app.jobs.find() == []


def test_jobs_on_several_studies_go_when_one_of_them_does_and_the_others_are_matched_again(
    home: Home, tmp_path: Path
) -> None:
    study, other = home.take_in(tmp_path / "ct"), home.take_in(tmp_path / "other", seed=2)
    home.job_on(other, study)
    alone = home.job_on(other, key="alone")
    with home.app.database.write() as connection:
        connection.execute(tables.studies.update().values(state="matched"))
    said = home.ror("withdraw", study)
    assert f"study {other} is matched again without it" in said.output
    assert [row.job.id for row in home.app.jobs.find()] == [alone.id]


@pytest.mark.parametrize("forget", [False, True])
def test_the_way_back_to_the_patient_goes_where_that_is_asked_for(
    home: Home, tmp_path: Path, forget: bool
) -> None:
    home.app.who.rules.set(PseudonymRule("lungs", PseudonymScheme.COUNTED, "P-{:04d}", keeps_identities=True))
    home.app.who.identities.make_key("lungs")
    study = home.take_in(tmp_path / "ct")
    assert home.ror("withdraw", study, *(["--forget-patient"] if forget else [])).exit_code == 0
    with home.app.database.read() as connection:
        rows = [
            len(connection.execute(sa.select(table)).all()) for table in (tables.identities, tables.subjects)
        ]
    assert rows == ([0, 0] if forget else [1, 1])


def test_a_refused_object_of_a_withdrawn_study_keeps_no_identity(home: Home, tmp_path: Path) -> None:
    home.app.who.rules.set(PseudonymRule("lungs", PseudonymScheme.DERIVED, keeps_identities=True))
    home.app.who.identities.make_key("lungs")
    study = home.take_in(tmp_path / "ct")
    home.ror("withdraw", study, "--forget-patient")
    file = next((tmp_path / "ct").iterdir())
    answer = home.app.intake.receive(Received.from_file(file.read_bytes(), "CT"), "lungs")
    assert (answer.status, answer.comment) == (Status.WITHDRAWN, "withdrawn from the project")
    with home.app.database.read() as connection:
        assert connection.execute(sa.select(tables.identities)).all() == []


def test_an_import_leaves_out_what_was_withdrawn_and_goes_on(home: Home, tmp_path: Path) -> None:
    study = home.take_in(tmp_path / "both" / "ct")
    assert home.ror("withdraw", study).exit_code == 0
    small_ct(tmp_path / "both" / "other", seed=2, slices=3)
    command = ["--home", str(home.root), "import", str(tmp_path / "both"), "--project", "lungs", "--json"]
    said = CliRunner().invoke(cli, command)
    told = json.loads(said.output)
    assert (told["taken_in"], told["refused"]) == (3, {"withdrawn": 3})
    (left,) = home.app.index.studies()
    assert left.study_uid != study


def test_what_is_not_there_is_told(home: Home, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no study or pseudonym"):
        Withdrawing(home.app).find("1.2.3")
    with pytest.raises(NotFound, match="has withdrawn no"):
        home.app.who.withdrawals.readmit("lungs", "1.2.3")


def test_a_dry_run_changes_nothing(home: Home, tmp_path: Path) -> None:
    study = home.take_in(tmp_path / "ct")
    home.job_on(study)
    said = home.ror("withdraw", study, "--dry-run")
    assert (said.exit_code, "1 at main" in said.output) == (0, True)
    assert len(home.app.index.studies()) == len(home.app.jobs.find()) == 1
    assert home.app.who.withdrawals.list() == []
