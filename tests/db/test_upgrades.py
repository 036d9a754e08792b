"""What a home has in its database stays there through an upgrade from the first release, and through the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

import ror.db
from ror.db import Database
from ror.db.migrating import migrating
from ror.db.revision import newest_revision
from ror.engine import JobStore
from ror.errors import NotFound
from ror.model import JobState

SERIES = '[{"name": "CT", "series_uid": "1.1.1", "study_uid": "1.1", "content": "a"}]'
JOB_ENDS = ("queued", "running", "succeeded", "failed", "cancelled", "superseded")

# A row, or several, of every table of the first release.
ROWS: dict[str, list[dict[str, Any]]] = {
    "projects": [{"name": "lungs", "settings": '{"pacs": ["main"]}', "created_at": 1.5}],
    "quarantine": [
        {
            "sha256": "ab",
            "project": "lungs",
            "calling_ae": "CT",
            "reason": "r",
            "detail": "d",
            "received_at": 2.5,
        }
    ],
    "routes": [{"id": 1, "calling_ae": "CT", "called_ae": "*", "project": "lungs"}],
    "studies": [
        {
            "study_uid": "1.1",
            "project": "lungs",
            "patient_id": "P",
            "state": "matched",
            "first_received_at": 1.0,
            "last_received_at": 2.0,
            "settled_at": 3.0,
            "matched_at": 4.0,
        }
    ],
    "series": [
        {
            "series_uid": "1.1.1",
            "study_uid": "1.1",
            "attributes_of": "1.1.1.1",
            "attributes": '{"Modality": ["CT"]}',
        }
    ],
    "instances": [
        {
            "sop_uid": "1.1.1.1",
            "series_uid": "1.1.1",
            "sop_class_uid": "1.2",
            "path": "lungs/1.1/1.1.1/1.1.1.1.dcm",
            "sha256": "cd",
            "source_digest": "ef",
            "received_at": 2.0,
        }
    ],
    "workflows": [
        {
            "project": "lungs",
            "name": "box",
            "digest": "d",
            "version": "1.0",
            "select_text": "select series from study",
            "enabled": True,
            "added_at": 1.0,
        }
    ],
    "jobs": [
        {
            "id": f"box-{state}",
            "project": "lungs",
            "workflow": "box",
            "version": "1.0",
            "package_digest": "d",
            "patient_id": "P",
            "study_uid": "1.1",
            "match_key": state,
            "series": SERIES,
            "state": state,
            "attempt": 2,
            "dispatched_attempt": 1,
            "detail": "",
            "image": "",
            "image_digest": "",
            "created_at": 5.0,
        }
        for state in JOB_ENDS
    ],
    "job_steps": [
        {"job_id": "box-failed", "step": step, "started_at": 6.0, "ended_at": 7.0, "detail": "told"}
        for step in ("stage", "execute")
    ],
    "results": [
        {
            "sop_uid": "2.25.1",
            "job_id": "box-succeeded",
            "kind": "SEG",
            "sop_class_uid": "1.2",
            "series_uid": "2.25.2",
            "study_uid": "1.1",
            "path": "results/seg.dcm",
        }
    ],
    "deliveries": [{"destination": "main", "sop_uid": "2.25.1", "delivered_at": 8.0}],
    "measurements": [
        {
            "job_id": "box-succeeded",
            "field_name": "volume",
            "repeat_instrument": "",
            "repeat_instance": 0,
            "record_id": "P",
            "event_name": "",
            "value": "1.5",
            "unit": "mL",
            "recorded_at": 9.0,
        }
    ],
}


def script() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(ror.db.__file__).parent / "migrations"))
    return config


def upgrade(database: Database, revision: str) -> None:
    """As `Database.migrate`, to any revision."""
    with migrating(database._writer, 1) as config:
        command.upgrade(config, revision)


def rows_of(database: Database) -> dict[str, list[dict[str, Any]]]:
    """What there is now of the columns that the first release knows."""
    found: dict[str, list[dict[str, Any]]] = {}
    with database.read() as connection:
        for table, rows in ROWS.items():
            told = connection.execute(sa.text(f"SELECT {', '.join(rows[0])} FROM {table}")).mappings()
            found[table] = [dict(row) for row in told]
    return plain(found)


def plain(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """As either database gives them: PostgreSQL reads JSON, SQLite has no booleans; sorted."""

    def value_of(name: str, value: Any) -> Any:
        if name in ("settings", "attributes", "series"):
            return json.loads(value) if isinstance(value, str) else value
        return bool(value) if name == "enabled" else value

    return {
        table: sorted(
            ({name: value_of(name, value) for name, value in row.items()} for row in some),
            key=lambda row: [str(value) for value in row.values()],
        )
        for table, some in rows.items()
    }


@pytest.fixture
def first_release(empty_url: str) -> Iterator[Database]:
    """A database as the first release has left it."""
    database = Database(empty_url)
    upgrade(database, "0001")
    with database.write() as connection:
        for table, rows in ROWS.items():
            names = ", ".join(rows[0])
            values = ", ".join(f":{name}" for name in rows[0])
            connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({values})"), rows)
    yield database
    database.close()


def without_attempts(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Who takes jobs up counts another attempt, and what ran waits again: that is no loss."""
    changed = {"attempt", "dispatched_attempt", "state"}
    jobs = [{name: value for name, value in row.items() if name not in changed} for row in rows["jobs"]]
    return rows | {"jobs": jobs}


def test_an_upgrade_from_the_first_release_keeps_every_row(first_release: Database) -> None:
    first_release.migrate()
    kept = rows_of(first_release)
    assert without_attempts(kept) == without_attempts(plain(ROWS))
    assert {row["id"]: row["state"] for row in kept["jobs"]} == {f"box-{state}": state for state in JOB_ENDS}


def test_what_the_first_release_has_left_is_understood_by_this_one(first_release: Database) -> None:
    first_release.migrate()
    jobs = JobStore(first_release)
    failed = jobs.show("box-failed")
    assert [(step.step, step.tries, step.next_at) for step in failed.steps] == [
        ("stage", 1, None),
        ("execute", 1, None),
    ]
    assert failed.job.first_attempt == 1
    jobs.retry("box-failed")
    assert jobs.get("box-failed").state is JobState.QUEUED


def test_the_way_back_to_the_first_release_keeps_every_row(first_release: Database) -> None:
    first_release.migrate()
    first_release.downgrade("0001")
    kept = rows_of(first_release)
    assert without_attempts(kept) == without_attempts(plain(ROWS))
    states = {row["id"]: row["state"] for row in kept["jobs"]}
    assert states.pop("box-running") in ("running", "queued")
    assert states == {f"box-{state}": state for state in JOB_ENDS if state != "running"}
    first_release.migrate()
    assert without_attempts(rows_of(first_release)) == without_attempts(kept)


def test_the_last_migration_by_its_file_is_the_last_one_by_its_history() -> None:
    assert ScriptDirectory.from_config(script()).get_heads() == [newest_revision()]


def test_every_revision_can_be_left_and_come_back_to_with_rows_in_it(first_release: Database) -> None:
    revisions = [one.revision for one in ScriptDirectory.from_config(script()).walk_revisions()][::-1]
    for before, revision in pairwise(revisions):
        upgrade(first_release, revision)
        first_release.downgrade(before)
        upgrade(first_release, revision)
    assert without_attempts(rows_of(first_release)) == without_attempts(plain(ROWS))


def test_a_revision_that_is_none_is_told(database: Database) -> None:
    with pytest.raises(NotFound, match="cannot go back to 9999") as told:
        database.downgrade("9999")
    assert "0001, 0002, " in told.value.advice
    assert database.revision() not in told.value.advice
