"""The audit log: each event has the hash of the one before it, and whatever is done to one of them is found."""

from __future__ import annotations

import logging
import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from hypothesis import given
from hypothesis import strategies as st

import ror.db
from ror.app import App
from ror.db import BEFORE_THE_FIRST, Database, chained, tables
from ror.registry import AuditFilter, AuditLog, Project, Right, Route, check_audit

FIELDS = ("at", "who", "action", "project", "pseudonym", "detail", "previous", "hash")
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@pytest.fixture
def log(database: Database) -> AuditLog:
    return AuditLog(database)


def tell(log: AuditLog, number: int) -> None:
    for count in range(number):
        log.record("release", "lungs", f"M-{count}", f"{count} of 9 objects")


def let_change(connection: sa.Connection) -> None:
    """What who owns the database can do: take the triggers away."""
    if connection.dialect.name == "sqlite":
        connection.execute(sa.text("DROP TRIGGER IF EXISTS audit_no_update"))
        connection.execute(sa.text("DROP TRIGGER IF EXISTS audit_no_delete"))
    else:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))


def change(database: Database, statement: sa.Update | sa.Delete | sa.Insert) -> None:
    with database.write() as connection:
        let_change(connection)
        connection.execute(statement)


# -- whole ------------------------------------------------------------------------------------------------------------


def test_an_empty_log_is_whole(database: Database) -> None:
    check = check_audit(database)
    assert (check.whole, check.events, check.first, check.last) == (True, 0, None, None)


def test_what_was_recorded_is_whole_and_told_from_its_first_event_to_its_last(
    database: Database, log: AuditLog
) -> None:
    tell(log, 3)
    check = check_audit(database)
    assert check.whole
    assert check.first is not None
    assert check.last is not None
    assert (check.events, check.first.number, check.last.number) == (3, 1, 3)
    assert check_audit(database, [check.first.hash, check.last.hash.upper()]).whole


def test_what_a_transaction_does_not_commit_is_not_in_the_log_and_leaves_no_gap(
    database: Database, log: AuditLog
) -> None:
    tell(log, 1)
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        ror.registry.add_record(connection, "release", "lungs")
        raise ZeroDivisionError
    tell(log, 1)
    assert [one.number for one in log.list()] == [2, 1]
    assert check_audit(database).whole


def write_events(url: str, name: str) -> None:
    database = Database(url)
    for count in range(20):
        AuditLog(database).record(name, "lungs", detail=str(count))
    database.close()


def test_several_processes_write_one_chain(database: Database, database_url: str) -> None:
    spawned = multiprocessing.get_context("spawn")
    writers = [spawned.Process(target=write_events, args=(database_url, name)) for name in ("a", "b", "c")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    check = check_audit(database)
    assert check.whole, check.fault
    assert check.events == 60


# -- broken -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_change_or_remove_an_event(
    database: Database, log: AuditLog, statement: str
) -> None:
    tell(log, 2)
    refused = pytest.raises(sa.exc.DatabaseError, match="the audit log is only ever added to")
    with refused, database.write() as connection:
        connection.execute(sa.text(statement))
    assert check_audit(database).events == 2


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_server_refuses_to_empty_the_log(database: Database, log: AuditLog) -> None:
    tell(log, 2)
    refused = pytest.raises(sa.exc.DatabaseError, match="the audit log is only ever added to")
    with refused, database.write() as connection:
        connection.execute(sa.text("TRUNCATE audit"))


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_changed_event_is_named(database: Database, log: AuditLog, number: int, field: str) -> None:
    tell(log, 3)
    value = {"at": 5.0, "previous": "1" * 64, "hash": "2" * 64}.get(field, "somebody")
    change(database, tables.audit.update().where(tables.audit.c.id == number).values({field: value}))
    check = check_audit(database)
    assert check.broken_at == number
    assert f"event {number} was changed" in check.fault


def test_a_removed_event_is_named(database: Database, log: AuditLog) -> None:
    tell(log, 5)
    change(database, tables.audit.delete().where(tables.audit.c.id.in_([2, 3])))
    check = check_audit(database)
    assert (check.broken_at, check.fault) == (4, "events 2 to 3 were removed")


def test_a_removed_first_event_is_named(database: Database, log: AuditLog) -> None:
    tell(log, 2)
    change(database, tables.audit.delete().where(tables.audit.c.id == 1))
    assert check_audit(database).fault == "event 1 was removed"


def test_an_event_that_was_written_anew_with_its_own_hash_breaks_the_link_behind_it(
    database: Database, log: AuditLog
) -> None:
    tell(log, 3)
    with database.read() as connection:
        row = connection.execute(sa.select(tables.audit).where(tables.audit.c.id == 2)).one()
    fields = (row.at, "somebody else", row.action, row.project, row.pseudonym, row.detail)
    values = {"who": "somebody else", "hash": chained(row.previous, 2, *fields)}
    change(database, tables.audit.update().where(tables.audit.c.id == 2).values(values))
    check = check_audit(database)
    assert check.broken_at == 3
    assert "event 3 does not follow the one before it" in check.fault


def test_an_end_that_was_cut_off_shows_by_an_anchor_and_only_by_it(
    database: Database, log: AuditLog, caplog: pytest.LogCaptureFixture
) -> None:
    tell(log, 3)
    with caplog.at_level(logging.INFO, logger="ror.registry.audit"):
        log.log_end()
    (line,) = caplog.messages
    assert line.startswith("the audit log ends with event 3 ")
    anchor = line.removesuffix(")").rpartition(" ")[2]
    assert check_audit(database, [anchor]).whole
    change(database, tables.audit.delete().where(tables.audit.c.id == 3))
    assert check_audit(database).whole
    check = check_audit(database, [anchor])
    assert f"no event with the hash {anchor}: its end was cut off" in check.fault


def test_an_empty_log_has_no_end_to_tell(log: AuditLog, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="ror.registry.audit"):
        log.log_end()
    assert caplog.messages == []


# -- the promise ------------------------------------------------------------------------------------------------------

EVENT = {
    "number": st.integers(1, 2**31 - 1),
    "at": st.floats(allow_nan=False, allow_infinity=False, min_value=0.0),
    **dict.fromkeys(("who", "action", "project", "pseudonym", "detail"), TEXT),
    "previous": st.text("0123456789abcdef", min_size=64, max_size=64),
}


@given(event=st.fixed_dictionaries(EVENT), data=st.data())
def test_any_change_of_any_field_changes_the_hash(event: dict[str, Any], data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(EVENT)))
    other = data.draw(EVENT[field].filter(lambda value: value != event[field]))
    assert chained(**event) != chained(**{**event, field: other})


def test_the_hash_is_what_it_always_was() -> None:
    told = chained(
        BEFORE_THE_FIRST, 1, 1772352000.25, "root", "release", "lungs", "M-\u00e4", '1 of 2 "objects"'
    )
    assert told == "7b77e0993339fdfa8f40f4b40123d31cbb3e93708e0a1102e2aee8de5abd27bb"


# -- asked and upgraded -----------------------------------------------------------------------------------------------


def test_the_log_is_asked_by_project_pseudonym_action_person_and_time(
    database: Database, log: AuditLog
) -> None:
    log.record("release", "lungs", "M-1")
    log.record("drop", "lungs", "M-2")
    log.record("release", "heads", "M-1")
    (third, second, first) = log.list()

    def numbers(**wanted: Any) -> list[int]:
        return [one.number for one in log.list(replace(AuditFilter(), **wanted))]

    assert numbers() == [3, 2, 1]
    assert numbers(project="lungs") == [2, 1]
    assert numbers(pseudonym="M-1") == [3, 1]
    assert numbers(action="release", project="lungs") == [1]
    assert numbers(who=first.who) == [3, 2, 1]
    assert numbers(who="nobody") == []
    assert numbers(until=second.at) == [one.number for one in (third, second, first) if one.at < second.at]
    assert numbers(since=second.at) == [one.number for one in (third, second, first) if one.at >= second.at]


def go_back(database: Database, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(ror.db.__file__).parent / "migrations"))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, to)


def test_events_of_an_older_release_are_chained_when_it_is_upgraded(
    database: Database, log: AuditLog
) -> None:
    tell(log, 2)
    go_back(database, "0011")
    columns = "id, at, who, action, project, pseudonym, detail"
    with database.write() as connection:  # 3 was of a transaction that failed
        connection.execute(
            sa.text(f"INSERT INTO audit ({columns}) VALUES (4, 7.5, 'root', 'drop', 'lungs', '', 'd')")
        )
    database.migrate()
    assert [(one.number, one.action) for one in log.list()] == [(3, "drop"), (2, "release"), (1, "release")]
    tell(log, 1)
    check = check_audit(database)
    assert check.whole, check.fault
    assert check.events == 4


def test_an_older_release_goes_on_numbering_where_the_chain_has_ended(
    database: Database, log: AuditLog
) -> None:
    tell(log, 2)
    go_back(database, "0011")
    columns = "at, who, action, project, pseudonym, detail"
    with database.write() as connection:
        connection.execute(
            sa.text(f"INSERT INTO audit ({columns}) VALUES (7.5, 'root', 'drop', 'lungs', '', 'd')")
        )
        assert connection.execute(sa.text("SELECT max(id) FROM audit")).scalar() == 3
    database.migrate()
    assert check_audit(database).events == 3


def test_who_may_send_and_read_is_on_record_without_a_value_of_a_condition(tmp_path: Path) -> None:
    app = App(tmp_path / "home")
    app.projects.add(Project("lungs"))
    route = app.routes.add(Route("SCANNER", "ROR", "lungs", condition='PatientID = "4711"'))
    app.tokens.add("viewer", "lungs", frozenset({Right.READ}))
    app.tokens.remove("viewer")
    app.routes.remove(route)
    told = [(one.action, one.project, one.detail) for one in reversed(app.who.audit.list())]
    assert told == [
        ("add project", "lungs", ""),
        ("add route", "lungs", "SCANNER to ROR, on a condition"),
        ("add token", "lungs", "viewer may read"),
        ("remove token", "lungs", "viewer"),
        ("remove route", "lungs", "SCANNER to ROR, on a condition"),
    ]
    app.close()
