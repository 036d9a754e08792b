"""``ror studies``: how each study stands, why, and what it waits for."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ror.app import App
from ror.archive import Announcement, Announcements
from ror.model import StepState
from tests.anonymizer.planted import ROOT, minimal
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
    assert row["since_at"] <= row["last_received_at"]
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


def test_it_receives_since_its_first_object(home: Home) -> None:
    first = study(home)["since_at"]
    with closing(App(home.folder)) as app:
        assert app.intake.receive(received(minimal(SOPInstanceUID=f"{ROOT}.7"))).status == 0
    row = study(home)
    assert (row["instances"], row["since_at"]) == (2, first)
    assert row["last_received_at"] > first


def test_a_step_that_never_ends_is_waited_for_no_longer_when_somebody_says_so(home: Home) -> None:
    uid = study(home)["study_uid"]
    with closing(App(home.folder)) as app:
        step = Announcement("1.5", "lungs", (uid,), StepState.IN_PROGRESS, "MPPS of CT1", time.time())
        Announcements(app.database).add([step], [])
    assert "the end of its procedure step" in study(home)["waits_for"]
    with closing(App(home.folder)) as app:
        assert app.index.settle(30.0, now=time.time()) == {}
    told = home.good("studies", "settle", uid)
    assert told == f"study {uid} is waited for no longer: `ror serve` settles it\n"
    assert study(home)["waits_for"] == "to settle, by `ror serve`"
    with closing(App(home.folder)) as app:
        because = app.index.settle(30.0, now=time.time())
        record, *_ = app.who.audit.list()
    assert because == {uid: "ended by hand; its procedure step has not ended; 1 of 2 instances came"}
    assert (record.action, record.project, record.detail) == ("settle by hand", "lungs", uid)


def test_only_what_is_waited_for_can_be_ended(home: Home) -> None:
    uid = study(home)["study_uid"]
    said = home.ror("studies", "settle", uid, "1.2.3")
    assert (said.code, "there is no study 1.2.3" in said.err) == (1, True)
    assert study(home)["waits_for"] != "to settle, by `ror serve`"  # neither was
    home.good("studies", "settle", uid)
    with closing(App(home.folder)) as app:
        app.index.settle(30.0, now=time.time())
    said = home.ror("studies", "settle", uid)
    assert (said.code, f"study {uid} is settled" in said.err) == (1, True)
    assert home.ror("studies", "--needs", "settle", uid).code == 2
