"""``ror audit list`` and ``verify``, in the hands of people and machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from ror.app import App
from ror.engine import Host
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
    assert first == "3 events"
    assert last.startswith("whole; ")
    told = json.loads(home.good("audit", "verify", "--json"))
    assert (told["whole"], told["events"], told["last"]["number"]) == (True, 3, 3)
    assert home.good("audit", "verify", "--anchor", told["last"]["hash"]).endswith(
        "all that was noted of it\n"
    )


def test_a_broken_record_is_told_by_the_exit_code_too(home: Home) -> None:
    event, *_ = json.loads(home.good("audit", "list", "--json"))
    assert (event["number"], event["action"], event["project"]) == (3, "change project", "lungs")
    run_sql(home, "DROP TRIGGER audit_no_update", "UPDATE audit SET who = 'nobody' WHERE id = 1")
    said = home.ror("audit", "verify")
    assert said.code == 1
    assert said.out.splitlines()[-1] == "broken: event 1 was changed or put in: it is not what its hash says"
    assert json.loads(home.ror("audit", "verify", "--json").out)["broken_at"] == 1


def test_events_are_asked_for_by_time(home: Home) -> None:
    assert len(json.loads(home.good("audit", "list", "--json", "--since", "2020-01-01"))) == 3
    assert json.loads(home.good("audit", "list", "--json", "--until", "2020-01-01T08:30")) == []


def test_who_has_added_a_project_and_drained_or_removed_a_host_is_on_record(home: Home) -> None:
    app = App(home.folder)
    app.hosts.join(Host("gpu2", 1, 1.0, 1024), 10.0)
    app.close()
    home.good("hosts", "drain", "gpu2")
    home.good("hosts", "resume", "gpu2")
    assert home.ror("hosts", "remove", "gpu2").code == 1  # it is alive
    assert home.ror("hosts", "drain", "gpu3").code == 1
    run_sql(home, "UPDATE hosts SET beat_at = 0")
    assert home.good("hosts", "remove", "gpu2") == "gpu2 is forgotten; no job of it was left\n"
    told = [(one["action"], one["detail"]) for one in json.loads(home.good("audit", "list", "--json"))]
    assert told[:3] == [("remove host", "gpu2"), ("resume host", "gpu2"), ("drain host", "gpu2")]
    assert told[3:] == [("change project", told[3][1]), ("change project", told[4][1]), ("add project", "")]


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
