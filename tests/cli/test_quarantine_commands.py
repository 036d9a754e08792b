"""``ror quarantine show`` and ``drop``: what is told of an object that was refused, and how it goes for good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from ror.app import App
from tests.anonymizer.planted import ct, minimal
from tests.cli.test_commands import Home
from tests.gateway.conftest import received

PLANTED = ct()
PLANTED.dataset.BurnedInAnnotation = "YES"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Three objects of two projects in quarantine."""
    made = Home(tmp_path / "home")
    made.settings("[listener]\nreserve_mib = 0\n")
    for project in ("lungs", "heads"):
        made.good("project", "add", project)
        made.good("route", "add", project, "--from", project.upper())
    hold(made, PLANTED.dataset, "LUNGS")
    hold(made, PLANTED.dataset, "HEADS")
    hold(made, minimal(PatientID=""), "LUNGS")
    return made


def hold(home: Home, dataset: Dataset, calling: str, cut: int | None = None) -> None:
    app = App(home.folder)
    assert app.intake.receive(received(dataset, calling=calling, cut=cut)).reason
    app.close()


def held(home: Home) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(home.good("quarantine", "list", "--json"))
    return rows


def named(home: Home, reason: str) -> str:
    return next(str(one["sha256"]) for one in held(home) if one["reason"] == reason)


def test_an_object_shows_why_it_is_held_and_never_a_value(home: Home) -> None:
    name = named(home, "burned_in_annotation")
    rows = json.loads(home.good("quarantine", "show", name[:10], "--json"))
    assert {row["project"] for row in rows} == {"lungs", "heads"}
    row = rows[0]
    assert (row["sha256"], row["from"], row["reason"]) == (name, "LUNGS", "burned_in_annotation")
    assert (row["attribute"], row["sop_class"]) == ("(0028,0301)", "CT Image Storage")
    assert row["transfer_syntax"] == "Explicit VR Little Endian"
    assert row["elements"] == len(PLANTED.dataset)
    assert row["file_bytes"] == len(received(PLANTED.dataset).to_part10())
    said = home.good("quarantine", "show", name) + json.dumps(rows)
    assert [secret for secret in PLANTED.secrets if secret.decode() in said] == []


def test_what_cannot_be_read_is_shown_too_and_so_is_a_class_that_names_somebody(home: Home) -> None:
    hostile = minimal(SOPClassUID="1.2.3.4711")
    hold(home, hostile, "LUNGS", cut=41)
    (row,) = json.loads(home.good("quarantine", "show", named(home, "truncated"), "--json"))
    assert (row["elements"], row["sop_class"]) == ("cannot be read", "none of the standard's")
    assert "4711" not in json.dumps({**row, "sha256": "", "received_at": 0})


def test_dropping_asks_first_and_a_no_keeps_everything(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _prompt: "n")
    said = home.ror("quarantine", "drop", "--project", "lungs")
    assert said.code == 1
    assert len(held(home)) == 3


def test_what_is_dropped_is_gone_for_good_and_on_record(home: Home) -> None:
    folder = home.folder / "quarantine"
    name = named(home, "burned_in_annotation")
    assert home.good("quarantine", "drop", "--project", "lungs", "--yes") == "2 objects are gone\n"
    assert [(one["project"], one["sha256"]) for one in held(home)] == [("heads", name)]
    assert [file.name for file in folder.iterdir()] == [f"{name}.dcm"]  # which heads still holds
    home.good("quarantine", "drop", name[:12], "--yes")
    assert list(folder.iterdir()) == []
    records = json.loads(home.good("audit", "list", "--json"))
    dropped = [(one["action"], one["project"]) for one in records if not one["action"].startswith("add ")]
    assert dropped == [("drop", "heads"), ("drop", "lungs")]
    assert records[0]["detail"] == f"1 objects: {name[:12]}"


@pytest.mark.parametrize("words", [("drop",), ("drop", "--yes"), ("release",)])
def test_nothing_goes_by_a_slip(home: Home, words: tuple[str, ...]) -> None:
    said = home.ror("quarantine", *words)
    assert (said.code, "say which" in said.err) == (2, True)
    assert len(held(home)) == 3


def test_what_is_not_there_is_told(home: Home) -> None:
    for words in (("show", "00"), ("drop", "--reason", "nosuch", "--yes")):
        assert home.ror("quarantine", *words).err.startswith("ror: nothing of that kind is in quarantine")
