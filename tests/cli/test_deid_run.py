"""``ror deid FOLDER --out DIR``: keys, projects, exit codes, and what is printed."""

from __future__ import annotations

import json
import os
import pty
import pwd
import select
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread

from ror.app import App
from tests.anonymizer.planted import ROOT, ct, minimal, part10
from tests.cli.test_commands import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two objects of one patient, and one of another."""
    folder = tmp_path / "source"
    folder.mkdir()
    for number, patient in enumerate(("QZID4711", "QZID4711", "QZID4712")):
        dataset = minimal(
            PatientID=patient,
            SOPInstanceUID=f"{ROOT}.4.{number}",
            StudyInstanceUID=f"{ROOT}.2.{patient[-1]}",
            SeriesInstanceUID=f"{ROOT}.3.{patient[-1]}",
        )
        (folder / f"QZFILENAME {number}").write_bytes(part10(dataset))
    return folder


def patients(out: Path) -> set[str]:
    return {path.name for path in out.iterdir() if path.is_dir()}


def test_a_key_is_made_kept_and_gives_the_same_pseudonyms_again(
    home: Home, folder: Path, tmp_path: Path
) -> None:
    key = tmp_path / "trial.key"
    words = ("deid", str(folder), "--key", str(key), "--out")
    said = home.ror(*words, str(tmp_path / "one"))
    assert said.code == 0
    assert f"{key} made" in said.err
    assert "3 objects written, 0 were there; 2 patients, 2 studies, 2 series" in said.out
    assert key.stat().st_mode & 0o777 == 0o600
    again = home.ror(*words, str(tmp_path / "two"))
    assert again.err == ""
    assert patients(tmp_path / "one") == patients(tmp_path / "two")
    assert len(patients(tmp_path / "one")) == 2
    assert "0 objects written, 3 were there" in home.good(*words, str(tmp_path / "one"))
    assert not home.folder.exists()


def test_without_a_key_the_secret_is_thrown_away_and_this_is_said(
    home: Home, folder: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        said = home.ror("deid", str(folder), "--out", str(tmp_path / name))
        assert said.code == 0
        assert "thrown away" in said.err
        assert "--key FILE" in said.err
    assert patients(tmp_path / "one") & patients(tmp_path / "two") == set()


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        ("no key", 0o600, "cannot be read: ValueError"),
        ("ab" * 16, 0o600, "is no key: it has 16 bytes"),
        ("ab" * 32, 0o644, "others than its owner may use the key"),
    ],
)
def test_a_key_that_is_none_is_refused_and_not_quoted(
    home: Home, folder: Path, tmp_path: Path, text: str, mode: int, told: str
) -> None:
    key = tmp_path / "trial.key"
    key.write_text(text)
    key.chmod(mode)
    said = home.ror("deid", str(folder), "--key", str(key), "--out", str(tmp_path / "out"))
    assert said.code == 1
    what, advice = said.err.splitlines()
    assert told in what
    assert text not in what + advice
    assert not (tmp_path / "out").exists()


def test_a_key_does_not_go_with_what_it_can_undo(home: Home, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = home.ror("deid", str(folder), "--key", str(out / "k"), "--out", str(out))
    assert said.code == 1
    assert "with what it can undo" in said.err
    assert not out.exists()


def test_a_run_that_is_refused_leaves_no_key_behind(home: Home, folder: Path, tmp_path: Path) -> None:
    words = ("deid", str(folder), "--out", str(tmp_path / "out"), "--key")
    home.good(*words, str(tmp_path / "first.key"))
    said = home.ror(*words, str(tmp_path / "second.key"))
    assert (said.code, "another key" in said.err) == (1, True)
    nowhere = home.ror("deid", str(tmp_path / "nowhere"), *words[2:], str(tmp_path / "third.key"))
    assert nowhere.code == 1
    assert sorted(path.name for path in tmp_path.glob("*.key")) == ["first.key"]
    assert "made" not in said.err + nowhere.err


def test_a_key_that_cannot_be_kept_makes_no_object_and_the_next_run_begins(
    home: Home, folder: Path, tmp_path: Path
) -> None:
    words = ("deid", str(folder), "--out", str(tmp_path / "out"), "--key")
    said = home.ror(*words, str(tmp_path / "nowhere" / "k"))
    assert (said.code, "cannot be made" in said.err) == (1, True)
    assert list((tmp_path / "out").rglob("*.dcm")) == []
    assert "3 objects written" in home.good(*words, str(tmp_path / "k"))


def test_the_help_shows_how_a_folder_is_given_and_when_a_run_goes_on(home: Home) -> None:
    assert "ror deid FOLDER --out DIR" in home.good("deid", "--help")
    assert "With --key or --project, the same command once more" in home.good("deid", "run", "--help")


def test_what_was_refused_is_said_and_makes_the_exit_code_one(
    home: Home, folder: Path, tmp_path: Path
) -> None:
    (folder / "QZFILENAME bad").write_bytes(part10(ct().dataset)[:-5])
    out = tmp_path / "out"
    said = home.ror("deid", str(folder), "--out", str(out))
    assert said.code == 1
    assert "1 refused: " in said.out
    assert str(tmp_path / "out.refused.tsv") in said.out
    assert "QZFILENAME" not in said.out + said.err
    assert "QZFILENAME bad" in (tmp_path / "out.refused.tsv").read_text()


def test_json_is_the_report_with_its_places(home: Home, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = json.loads(home.good("deid", str(folder), "--out", str(out), "--json"))
    assert (said.pop("out"), said.pop("undone")) == (str(out), None)
    assert said == json.loads((out / "report.json").read_text())
    assert said["files"] == {"seen": 3, "written": 3, "present": 0, "refused": 0, "skipped": 0}


def test_a_folder_without_a_dicom_object_is_no_success(home: Home, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.pdf").write_bytes(b"%PDF-1.7")
    said = home.ror("deid", str(tmp_path / "letters"), "--out", str(tmp_path / "out"))
    assert said.code == 1
    assert "1 skipped: No DICOM file" in said.out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--out", "o", "--jobs", "0"),
        ("--out", "o", "--project", "lungs", "--key", "k"),
        ("--out", "o", "--project", "lungs", "--profile", "basic"),
    ],
    ids=str,
)
def test_a_command_that_cannot_be_meant_has_exit_code_two(
    home: Home, folder: Path, words: tuple[str, ...]
) -> None:
    assert home.ror("deid", str(folder), *words).code == 2


def test_on_a_terminal_a_bar_shows_how_far_it_is(folder: Path, tmp_path: Path) -> None:
    ours, its = pty.openpty()
    words = [Path(sys.executable).parent / "ror", "deid", folder, "--out", tmp_path / "out"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=its, env=environment) as process:
        os.close(its)
        shown = b""
        while select.select([ours], [], [], 60)[0]:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end was closed
                break
    os.close(ours)
    assert process.returncode == 0
    assert b"3/3 files" in shown
    assert b"0 refused" in shown


# -- profiles and projects --------------------------------------------------------------------------------------------


def test_a_profile_is_a_shipped_one_or_a_file(home: Home, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('extends = "basic"\nremove = ["InstanceNumber"]\n')
    wanted = {}
    for profile in ("basic", str(tmp_path / "mine.toml")):
        out = tmp_path / f"out-{Path(profile).stem}"
        home.good("deid", str(folder), "--out", str(out), "--profile", profile)
        wanted[profile] = json.loads((out / "report.json").read_text())["profile"]
    assert [one["name"] for one in wanted.values()] == ["basic", "mine"]
    assert [one["remove"] for one in wanted.values()] == [[], ["InstanceNumber"]]
    said = home.ror("deid", str(folder), "--out", str(tmp_path / "none"), "--profile", "nobody")
    assert said.code == 1
    assert "nobody" in said.err
    assert not (tmp_path / "none").exists()


def deid(home: Home, folder: Path, out: Path, *words: str) -> str:
    return home.good("deid", str(folder), "--out", str(out), "--project", "lungs", *words)


def test_a_project_gives_its_key_and_its_profile(home: Home, folder: Path, tmp_path: Path) -> None:
    home.good("project", "add", "lungs", "--remove", "InstanceNumber")
    deid(home, folder, tmp_path / "out")
    app = App(home.folder)
    try:
        key, profile = app.projects.key("lungs"), app.projects.get("lungs").profile()
    finally:
        app.close()
    assert patients(tmp_path / "out") == {key.pseudonym("QZID4711"), key.pseudonym("QZID4712")}
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["profile"]["digest"] == profile.digest
    assert report["key"]["of"] == "project"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_patients_of_a_project_are_counted_once_for_good(
    home: Home, folder: Path, tmp_path: Path, jobs: str
) -> None:
    home.good("project", "add", "lungs")
    home.good("pseudonyms", "set", "lungs", "--pattern", "MOBA-{:04d}")
    for name in ("one", "two"):
        deid(home, folder, tmp_path / name, "--jobs", jobs)
        assert patients(tmp_path / name) == {"MOBA-0001", "MOBA-0002"}


def test_who_is_not_on_the_coupling_list_does_not_come_out(home: Home, folder: Path, tmp_path: Path) -> None:
    home.good("project", "add", "lungs")
    home.good("pseudonyms", "set", "lungs", "--coupled")
    (tmp_path / "list.csv").write_text("old_id,new_id,event_name\nQZID4711,MOBA-0007,baseline_arm_1\n")
    home.good("pseudonyms", "couple", str(tmp_path / "list.csv"), "--project", "lungs")
    said = home.ror("deid", str(folder), "--out", str(tmp_path / "out"), "--project", "lungs")
    assert said.code == 1
    assert "1 refused: The coupling list does not name the patient" in said.out
    assert patients(tmp_path / "out") == {"MOBA-0007"}
    one = next((tmp_path / "out").rglob("*.dcm"))
    assert dcmread(one).ReferringPhysicianName == "EventName:baseline_arm_1"


def test_a_project_that_keeps_identities_keeps_them_here_too(
    home: Home, folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("cryptography", reason="the package cryptography is not installed")
    home.good("project", "add", "lungs")
    home.good("pseudonyms", "set", "lungs", "--pattern", "MOBA-{:04d}", "--keep-identities")
    deid(home, folder, tmp_path / "out")
    home.settings(f'[reidentify]\nusers = ["{pwd.getpwuid(os.getuid()).pw_name}"]\n')
    told = home.good("reidentify", "MOBA-0001", "--project", "lungs", "--purpose", "test", "--json")
    (found,) = json.loads(told)
    assert found["original_patient_id"] == "QZID4711"
    (study,) = (tmp_path / "out" / "MOBA-0001").iterdir()
    assert found["study_uid"] == study.name


def test_a_project_that_is_not_there_is_told(home: Home, folder: Path, tmp_path: Path) -> None:
    home.good("project", "add", "lungs")
    said = home.ror("deid", str(folder), "--out", str(tmp_path / "out"), "--project", "heads")
    assert (said.code, "there is no project heads" in said.err) == (1, True)
    assert not (tmp_path / "out").exists()
