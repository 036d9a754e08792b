"""The schema: migrations make what `ror.db.tables` says, on both databases, forwards and backwards."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from ror.db import Database, tables
from ror.engine import JobStore
from ror.errors import ConfigurationError, NotAllowed, ServiceUnavailable
from ror.model import Job, JobState, StudyState, job_id
from tests.engine.test_jobs import a_job

MIGRATE = "import sys; from ror.db import Database; Database(sys.argv[1]).migrate()"


def differences(database: Database) -> list[Any]:
    """What Alembic would change to come from the database to the tables."""
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, tables.metadata))


def checks(database: Database) -> dict[str, str]:
    with database.read() as connection:
        inspector = sa.inspect(connection)
        return {
            str(check["name"]): check["sqltext"]
            for table in tables.metadata.tables
            for check in inspector.get_check_constraints(table)
        }


def table_names(database: Database) -> set[str]:
    with database.read() as connection:
        return set(sa.inspect(connection).get_table_names())


@pytest.fixture
def empty(empty_url: str):
    """A database without tables."""
    database = Database(empty_url)
    yield database
    database.close()


def downgrade(database: Database, revision: str = "base") -> None:
    database.downgrade(revision)


def test_the_newest_revision_is_what_the_tables_say(empty: Database) -> None:
    empty.migrate()
    assert differences(empty) == []
    assert table_names(empty) == set(tables.metadata.tables) | {"alembic_version"}


def test_migrating_again_changes_nothing(database: Database) -> None:
    database.migrate()
    assert differences(database) == []


def test_nobody_waits_for_alembic_while_the_tables_are_the_newest(empty_url: str) -> None:
    program = [sys.executable, "-c", f"{MIGRATE}; print('alembic' in sys.modules)", empty_url]
    told = [subprocess.run(program, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert told == ["True\n", "False\n"]


def test_the_schema_can_be_taken_down_and_made_again(database: Database) -> None:
    downgrade(database)
    assert table_names(database) == {"alembic_version"}
    database.migrate()
    assert differences(database) == []


def test_what_is_in_quarantine_stays_there_through_all_revisions(database: Database) -> None:
    row = {
        "sha256": "ab",
        "project": "p",
        "calling_ae": "A",
        "reason": "r",
        "detail": "d",
        "received_at": 1.5,
    }
    with database.write() as connection:
        connection.execute(tables.quarantine.insert(), [row, {**row, "sha256": "cd"}])
    downgrade(database, "0003")
    with database.write() as connection:
        connection.execute(sa.text("UPDATE quarantine SET project = NULL WHERE sha256 = 'cd'"))
    database.migrate()
    with database.read() as connection:
        held = connection.execute(
            sa.select(tables.quarantine).order_by(tables.quarantine.c.sha256)
        ).mappings()
        assert [dict(one) for one in held] == [row, {**row, "sha256": "cd", "project": ""}]


def a_shadow(database: Database, state: JobState) -> Job:
    job = a_job()
    of_shadow = job_id(job.workflow, job.package_digest, job.match_key, job.series, shadow=True)
    shadow = dataclasses.replace(job, id=of_shadow, shadow=True)
    with database.write() as connection:
        connection.execute(tables.projects.insert().values(name=job.project, settings={}, created_at=0.0))
        for one in (job, shadow):
            JobStore(database).create(connection, one)
            ended = tables.jobs.update().where(tables.jobs.c.id == one.id)
            connection.execute(ended.values(state=state if one.shadow else JobState.SUCCEEDED))
    return shadow


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.FAILED])
def test_nothing_goes_back_to_a_release_that_would_deliver_what_runs_in_the_shadow(
    database: Database, state: JobState
) -> None:
    shadow, newest = a_shadow(database, state), database.revision()
    with pytest.raises(NotAllowed, match=r"have not ended \(1\), and would deliver") as refused:
        downgrade(database, "0014")
    assert "ror workflow disable NAME --shadow" in refused.value.advice
    assert database.revision() == newest
    assert JobStore(database).get(shadow.id).shadow


def test_jobs_that_ran_in_the_shadow_are_known_again_after_the_way_back(database: Database) -> None:
    shadow = a_shadow(database, JobState.SUCCEEDED)
    downgrade(database, "0014")
    database.migrate()
    assert {row.job.id: row.job.shadow for row in JobStore(database).find()} == {
        shadow.id: True,
        a_job().id: False,
    }


def test_an_older_release_can_take_up_what_waits_for_a_decision(database: Database) -> None:
    job = dataclasses.replace(a_job(), state=JobState.REVIEW)
    with database.write() as connection:
        connection.execute(tables.projects.insert().values(name=job.project, settings={}, created_at=0.0))
        JobStore(database).create(connection, job)
        connection.execute(tables.jobs.update().values(state=JobState.REVIEW))
    downgrade(database, "0009")
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT state FROM jobs")).scalar() == "cancelled"
    database.migrate()
    assert differences(database) == []


def test_several_processes_may_migrate_at_once(empty: Database) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, empty.url], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    told = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], told
    assert differences(empty) == []


@pytest.mark.parametrize(("name", "states"), [("ck_studies_state", StudyState), ("ck_jobs_state", JobState)])
def test_the_database_repeats_the_states(
    database: Database, name: str, states: type[StudyState] | type[JobState]
) -> None:
    assert set(re.findall(r"'(\w+)'", checks(database)[name])) == {state.value for state in states}


def test_a_state_that_is_none_is_refused_by_the_database_itself(database: Database) -> None:
    project = tables.projects.insert().values(name="p", settings={}, created_at=0.0)
    study = tables.studies.insert().values(
        study_uid="1", project="p", patient_id="", state="lost", first_received_at=0, last_received_at=0
    )
    with pytest.raises(sa.exc.IntegrityError, match="ck_studies_state"), database.write() as connection:
        connection.execute(project)
        connection.execute(study)


def test_a_write_that_raises_leaves_nothing(database: Database) -> None:
    project = tables.projects.insert().values(name="p", settings={}, created_at=0.0)
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.execute(project)
        raise ZeroDivisionError
    with database.read() as connection:
        assert connection.execute(sa.select(tables.projects)).all() == []


def test_foreign_keys_are_kept(database: Database) -> None:
    route = tables.routes.insert().values(calling_ae="*", called_ae="*", project="nobody's")
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        connection.execute(route)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("no address", "no database address"),
        ("nosuch://host/name", "is not supported"),
        ("mysql+pymysql://host/name", "is not supported"),
        ("mssql://host/name", "is not supported"),
    ],
)
def test_an_address_that_is_none_is_told_with_what_to_write(url: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as refused:
        Database(url)
    assert "postgresql+psycopg://" in refused.value.advice


def test_the_plain_name_of_postgresql_means_the_driver_that_is_installed() -> None:
    database = Database("postgresql://somebody:hidden-word@localhost/ror")
    assert database.url == "postgresql+psycopg://somebody:hidden-word@localhost/ror"
    assert "hidden-word" not in database.shown


def test_a_server_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    database = Database(f"postgresql+psycopg://somebody:hidden-word@/ror?host={tmp_path}")
    with pytest.raises(ServiceUnavailable, match="does not answer") as refused, database.read():
        pass
    assert "hidden-word" not in str(refused.value) + refused.value.advice


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "ror.sqlite").write_text("this is a letter, and a long one. " * 100)
    with pytest.raises(ConfigurationError, match="is no database") as refused:
        Database(f"sqlite:///{tmp_path / 'ror.sqlite'}").migrate()
    assert refused.value.advice


def test_a_database_of_a_later_release_is_told(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="later release"):
        database.migrate()


def test_more_threads_than_connections_wait_or_are_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool: Any = database._engine.pool
    monkeypatch.setattr(pool, "_timeout", 0.01)
    held = [database.read() for _ in range(pool.size() + pool._max_overflow)]
    for one in held:
        one.__enter__()
    try:
        with pytest.raises(ServiceUnavailable, match="connections"), database.read():
            pass
    finally:
        for one in held:
            one.__exit__(None, None, None)
