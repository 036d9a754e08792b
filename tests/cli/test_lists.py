"""What lists say of projects that are not there, of times, and of formats that exclude each other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ror.cli.common import moment
from tests.cli.test_commands import Home

NOON = 1795262400.0  # 2026-11-21 12:00:00 UTC


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.good("project", "add", "lungs")
    return made


@pytest.fixture
def live_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Set the time zone of this process, by its name."""

    def move(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("command", [("studies",), ("measurements", "list")], ids=" ".join)
def test_a_project_that_is_not_there_is_told_as_elsewhere(home: Home, command: tuple[str, ...]) -> None:
    said = home.ror(*command, "--project", "nosuch")
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines()[0] == "ror: there is no project nosuch"
    assert json.loads(home.good(*command, "--project", "lungs", "--json")) == []


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("UTC", "2026-11-21 12:00:00+00:00"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-11-21 13:00:00+01:00"),
        ("EST5EDT,M3.2.0,M11.1.0", "2026-11-21 07:00:00-05:00"),
    ],
)
def test_a_time_says_its_zone(live_in: Callable[[str], None], zone: str, told: str) -> None:
    live_in(zone)
    assert moment(NOON) == told


def test_no_time_is_a_dash() -> None:
    assert moment(None) == "–"


def test_transfer_syntaxes_of_a_conformance_statement_are_in_words_for_people(home: Home) -> None:
    lines = home.good("conformance").splitlines()
    ends = {"C-ECHO": "native", "C-STORE": "all", "N-CREATE, N-SET": "little endian"}
    for operations, words in ends.items():
        assert any(f" {operations} " in line and line.rstrip().endswith(words) for line in lines)
    assert not any(line.rstrip()[-1].isdigit() for line in lines)
    counts = {one["transfer_syntaxes"] for one in json.loads(home.good("conformance", "--json"))}
    assert {2, 4} < counts
