"""``ror studies``: how each study stands, why, and what it waits for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ror.app import App
from tests.anonymizer.planted import minimal
from tests.cli.test_commands import BOX, Home
from tests.gateway.conftest import received


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One study that receives, of which another instance is expected, and the workflow `box`, which wants more."""
    made = Home(tmp_path / "home")
    made.settings('[engine]\nruntime = "process"\n\n[listener]\nreserve_mib = 0\n')
    made.good("project", "add", "lungs")
    made.good("route", "add", "lungs", "--from", "SCANNER", "--settle", "12.5")
    made.good("workflow", "add", str(BOX), "--project", "lungs")
    app = App(made.folder)
    study = minimal()
    assert app.intake.receive(received(study)).status == 0
    app.completeness.expect("lungs", str(study.StudyInstanceUID), 2, "told by PACS research")
    app.close()
    return made


def study(home: Home, *words: str) -> dict[str, Any]:
    (row,) = json.loads(home.good("studies", *words, "--json"))
    return dict(row)


def test_a_study_says_what_it_waits_for_and_what_workflows_still_need(home: Home) -> None:
    row = study(home, "--needs")
    assert (row["state"], row["reason"], row["instances"], row["expected"]) == (
        "receiving",
        "objects come",
        1,
        2,
    )
    assert row["waits_for"].startswith("1 of 2 instances, or 125 s of quiet, ")
    assert row["since_at"] == row["last_received_at"]
    (need,) = row["needs"]
    assert need.startswith("box: no series is ")
    assert "needs" not in study(home)


def test_a_study_that_has_settled_says_why(home: Home) -> None:
    app = App(home.folder)
    app.completeness.sent_whole([one.study_uid for one in app.index.studies()], "its pull ended")
    app.index.settle(30.0, now=1e10)
    app.close()
    row = study(home, "--needs", "--state", "settled")
    assert (row["state"], row["since_at"], row["needs"]) == ("settled", 1e10, [])
    assert row["reason"] == "its pull ended; 1 of 2 instances came"
    assert json.loads(home.good("studies", "--state", "receiving", "--json")) == []
