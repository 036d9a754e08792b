"""``ror audit list`` and ``verify``, in the hands of people and machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from ror.app import App
from tests.cli.test_commands import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.good("project", "add", "lungs")
    for option in ("retain-device", "retain-institution"):
        home.good("project", "change", "lungs", "--option", option)
    return home


def run_sql(home: Home, *statements: str) -> None:
    app = App(home.folder)
    with app.database.write() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    app.close()


def test_a_whole_record_is_told_with_its_ends(home: Home) -> None:
    first, *_, last = home.good("audit", "verify").splitlines()
    assert first == "2 events"
    assert last.startswith("whole; ")
    told = json.loads(home.good("audit", "verify", "--json"))
    assert (told["whole"], told["events"], told["last"]["number"]) == (True, 2, 2)
    assert home.good("audit", "verify", "--anchor", told["last"]["hash"]).endswith(
        "all that was noted of it\n"
    )


def test_a_broken_record_is_told_by_the_exit_code_too(home: Home) -> None:
    (event, _) = json.loads(home.good("audit", "list", "--json"))
    assert (event["number"], event["action"], event["project"]) == (2, "change project", "lungs")
    run_sql(home, "DROP TRIGGER audit_no_update", "UPDATE audit SET who = 'nobody' WHERE id = 1")
    said = home.ror("audit", "verify")
    assert said.code == 1
    assert said.out.splitlines()[-1] == "broken: event 1 was changed or put in: it is not what its hash says"
    assert json.loads(home.ror("audit", "verify", "--json").out)["broken_at"] == 1


def test_events_are_asked_for_by_time(home: Home) -> None:
    assert len(json.loads(home.good("audit", "list", "--json", "--since", "2020-01-01"))) == 2
    assert json.loads(home.good("audit", "list", "--json", "--until", "2020-01-01T08:30")) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("list", "--since", "yesterday"), "'yesterday' is no time such as 2026-03-01"),
        (("verify", "--anchor", "abc"), "64 hexadecimal digits"),
    ],
)
def test_what_cannot_be_read_is_told(home: Home, words: tuple[str, ...], told: str) -> None:
    said = home.ror("audit", *words)
    assert said.code == 2
    assert told in said.err
