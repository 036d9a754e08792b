"""``ror pseudonyms``, ``ror quarantine release``, ``ror reidentify`` and ``ror audit``, from list to patient."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import pytest

from ror.app import App
from ror.gateway import Status
from tests.anonymizer.planted import minimal
from tests.cli.test_commands import Home
from tests.gateway.conftest import received

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.settings(f'[listener]\nreserve_mib = 0\n[reidentify]\nusers = ["{ME}"]\n')
    home.good("project", "add", "lungs")
    home.good("route", "add", "lungs", "--from", "*")
    return home


def send(home: Home) -> Status:
    app = App(home.folder)
    try:
        return app.intake.receive(received(minimal())).status
    finally:
        app.close()


def ask(home: Home, *words: str) -> list[dict[str, object]]:
    asked: list[dict[str, object]] = json.loads(home.good(*words, "--json"))
    return asked


def test_a_patient_who_was_not_listed_is_listed_and_released(home: Home, tmp_path: Path) -> None:
    home.good("pseudonyms", "set", "lungs", "--coupled")
    assert send(home) is Status.UNLISTED_PATIENT
    assert "stays: quarantined: unlisted_patient" in home.good("quarantine", "release", "--project", "lungs")
    file = tmp_path / "list.csv"
    file.write_text("old_id,new_id,event_name\nQZID4711,MOBA-0007,baseline_arm_1\n", encoding="utf-8")
    said = home.good("pseudonyms", "couple", str(file), "--project", "lungs")
    assert "1 of 1 rows added" in said
    assert "ror quarantine release --project lungs --reason unlisted_patient" in said
    said = home.good("quarantine", "release", "--project", "lungs", "--reason", "unlisted_patient")
    assert "1 objects are in the archive, 0 stay" in said
    assert [one["patient_id"] for one in ask(home, "studies")] == ["MOBA-0007"]
    (known,) = ask(home, "pseudonyms", "show", "--project", "lungs")
    assert (known["pseudonym"], known["event"], known["studies"]) == ("MOBA-0007", "baseline_arm_1", 1)
    assert ask(home, "quarantine", "list") == []
    assert [one["action"] for one in ask(home, "audit", "list")] == [
        "release",
        "couple",
        "release",
        "set pseudonyms",
        "add route",
        "add project",
    ]
    assert "QZ" not in json.dumps(ask(home, "audit", "list"))


def test_all_that_is_wrong_with_a_list_is_told_at_once(home: Home, tmp_path: Path) -> None:
    home.good("pseudonyms", "set", "lungs", "--coupled")
    file = tmp_path / "list.csv"
    file.write_text("old_id,new_id\nQZ1,M/1\nQZ2,M-2\nQZ3,M-2\n")
    said = home.ror("pseudonyms", "couple", str(file), "--project", "lungs")
    assert said.code == 1
    assert "line 2: new_id" in said.err
    assert "line 4: its new id is that of another old id" in said.err
    assert ask(home, "pseudonyms", "show", "--project", "lungs") == []


def test_an_object_is_released_by_the_beginning_of_its_name(home: Home) -> None:
    home.good("pseudonyms", "set", "lungs", "--coupled")
    send(home)
    (held,) = ask(home, "quarantine", "list")
    home.good("pseudonyms", "set", "lungs", "--pattern", "MOBA-{:04d}", "--first", "12")
    home.good("quarantine", "release", str(held["sha256"])[:8])
    assert [one["patient_id"] for one in ask(home, "studies")] == ["MOBA-0012"]
    (rule,) = ask(home, "pseudonyms", "list")
    assert rule == {
        "project": "lungs",
        "scheme": "counted",
        "pattern": "MOBA-{:04d}",
        "keeps_identities": False,
    }


def test_a_pseudonym_leads_back_to_the_patient_and_the_asking_is_on_record(home: Home) -> None:
    pytest.importorskip("cryptography", reason="the package cryptography is not installed")
    said = home.good("pseudonyms", "set", "lungs", "--pattern", "MOBA-{:04d}", "--keep-identities")
    key = home.folder / "secrets" / "lungs.identities.key"
    assert f"keep a copy of {key}" in said
    assert f"ok    identities lungs: sealed with {key}" in home.ror("doctor").out
    send(home)
    words = ("reidentify", "MOBA-0001", "--project", "lungs", "--purpose", "request 12")
    (found,) = ask(home, *words)
    assert (found["original_patient_id"], found["original_patient_name"]) == ("QZID4711", "Qzdoe^Qzjohn")
    assert found["study_uid"] == ask(home, "studies")[0]["study_uid"]
    assert "QZID4711" in home.good(*words)
    record, *_ = ask(home, "audit", "list")
    assert (record["action"], record["pseudonym"], record["detail"]) == (
        "reidentify",
        "MOBA-0001",
        "request 12",
    )
    away = key.rename(home.folder.parent / "away.key")
    said = home.ror(*words)
    assert (said.code, said.out) == (1, "")
    assert "the key of identities cannot be read" in said.err
    assert "FAIL  identities lungs" in home.ror("doctor").out
    assert "QZID4711" in home.good(*words, "--key", str(away))
    home.good("pseudonyms", "set", "lungs", "--keep-no-identities")
    assert "identities" not in home.ror("doctor").out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("pseudonyms", "set", "heads", "--coupled"), "there is no project heads"),
        (("pseudonyms", "set", "lungs", "--pattern", "MOBA"), "one place for a number"),
        (("pseudonyms", "show", "--project", "heads"), "there is no project heads"),
        (("pseudonyms", "couple", "nowhere.csv", "--project", "lungs"), "cannot be read"),
        (("pseudonyms", "uncouple", "M-1", "--project", "lungs"), "do not come from a coupling list"),
        (("reidentify", "M-1", "--project", "lungs", "--purpose", "x"), "has kept no identity"),
        (("quarantine", "release", "--project", "lungs"), "nothing of that kind is in quarantine"),
    ],
)
def test_an_error_says_in_two_lines_what_and_what_to_do(
    home: Home, words: tuple[str, ...], told: str
) -> None:
    said = home.ror(*words)
    assert (said.code, said.out) == (1, "")
    what, advice = said.err.splitlines()
    assert told in what
    assert advice.startswith("     ") and advice.strip()


@pytest.mark.parametrize(
    "words",
    [
        ("quarantine", "release"),
        ("pseudonyms", "set", "lungs", "--coupled", "--derived"),
        ("pseudonyms", "set", "lungs", "--first", "3"),
        ("reidentify", "M-1", "--project", "lungs"),
        ("reidentify", "M-1", "--project", "lungs", "--purpose", " "),
    ],
)
def test_what_is_not_said_is_asked_for(home: Home, words: tuple[str, ...]) -> None:
    said = home.ror(*words)
    assert said.code == 2
    assert "Usage:" in said.err


@pytest.mark.parametrize("users", ["[]", '["nobody_of_this_system"]'])
def test_who_has_not_the_role_opens_nothing_and_the_attempt_is_on_record(home: Home, users: str) -> None:
    pytest.importorskip("cryptography", reason="the package cryptography is not installed")
    home.good("pseudonyms", "set", "lungs", "--pattern", "MOBA-{:04d}", "--keep-identities")
    home.settings(f"[listener]\nreserve_mib = 0\n[reidentify]\nusers = {users}\n")
    send(home)
    said = home.ror("reidentify", "MOBA-0001", "--project", "lungs", "--purpose", "request 12")
    assert (said.code, said.out) == (1, "")
    what, advice = said.err.splitlines()
    assert f"{ME} may not open identities" in what
    assert "[reidentify] users" in advice
    record, *_ = ask(home, "audit", "list")
    assert (record["action"], record["pseudonym"]) == ("reidentify refused", "MOBA-0001")
    told = "off   reidentify: nobody may" if users == "[]" else "FAIL  reidentify: this system does not know"
    assert told in home.ror("doctor").out


def test_a_pseudonym_that_there_is_not_and_a_changed_project_are_on_record(home: Home) -> None:
    assert home.ror("reidentify", "MOBA-9999", "--project", "lungs", "--purpose", "request 12").code == 1
    home.good("project", "change", "lungs", "--keep", "PatientSex")
    changed, asked, *_ = ask(home, "audit", "list")
    assert (asked["action"], asked["pseudonym"]) == ("reidentify failed", "")
    assert (changed["action"], changed["project"]) == ("change project", "lungs")
    assert str(changed["detail"]).startswith("keep; profile ")
