"""``ror import``: exit codes, what is printed, and that names of files are told to the operator alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.anonymizer.planted import ROOT, minimal, part10
from tests.cli.test_commands import Home
from tests.support.logging_kept import logging_kept
from tests.support.serving import eventually

MANY = 150  # so many that a request to stop comes in the midst of them, however late its sender gets its turn


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    home.settings("[listener]\nreserve_mib = 0")
    home.good("project", "add", "lungs")
    with logging_kept():
        yield home


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three objects of one study."""
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(3):
        dataset = minimal(SOPInstanceUID=f"{ROOT}.4.{number}")
        (folder / f"QZFILENAME {number}").write_bytes(part10(dataset))
    return folder


def test_a_folder_comes_in_and_once_more_is_known(home: Home, folder: Path) -> None:
    words = ("import", str(folder), "--project", "lungs")
    assert home.good(*words) == "3 objects taken in, 0 were there before\n"
    assert home.good(*words) == "0 objects taken in, 3 were there before\n"
    (study,) = json.loads(home.good("studies", "--json"))
    assert (study["project"], study["state"]) == ("lungs", "receiving")


def test_json_has_each_outcome_by_reason(home: Home, folder: Path) -> None:
    (folder / "note.txt").write_text("x" * 200)
    assert json.loads(home.good("import", str(folder), "--project", "lungs", "--json")) == {
        "files": 4,
        "complete": True,
        "taken_in": 3,
        "held": 0,
        "quarantined": {},
        "refused": {},
        "skipped": {"not_dicom": 1},
    }


def test_what_did_not_come_in_makes_the_exit_code_one_and_is_listed_for_its_owner_only(
    home: Home, folder: Path, tmp_path: Path
) -> None:
    (folder / "QZFILENAME cut").write_bytes(part10(minimal(SOPInstanceUID=f"{ROOT}.4.9"))[:-5])
    listed = tmp_path / "not-in.tsv"
    words = ("import", str(folder), "--project", "lungs")
    said = home.ror(*words)
    assert said.code == 1
    assert "1 quarantined: truncated (ror quarantine list)" in said.out
    assert "--list FILE" in said.out
    said = home.ror(*words, "--list", str(listed))
    assert str(listed) in said.out
    assert listed.stat().st_mode & 0o777 == 0o600
    assert listed.read_text() == "file\toutcome\treason\nQZFILENAME cut\tquarantined\ttruncated\n"
    log = (home.folder / "log" / "ror.log").read_text()
    assert "QZFILENAME" not in said.out + said.err + log
    assert "an object of IMPORT is in quarantine: truncated" in log


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--project", "heads"), "there is no project heads"),
        (("--project", "lungs", "--list", "/nowhere/list"), "/nowhere/list cannot be written"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_taken_in(
    home: Home, folder: Path, words: tuple[str, ...], told: str
) -> None:
    said = home.ror("import", str(folder), *words)
    assert (said.code, told in said.err) == (1, True)
    assert json.loads(home.good("studies", "--json")) == []


def test_a_folder_without_an_object_is_no_success(home: Home, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.pdf").write_bytes(b"%PDF-1.7")
    said = home.ror("import", str(tmp_path / "letters"), "--project", "lungs")
    assert said.code == 1
    assert "there is no DICOM object in it" in said.out


def test_after_ctrl_c_the_same_command_goes_on(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(MANY):
        (folder / f"{number:03}").write_bytes(part10(minimal(SOPInstanceUID=f"{ROOT}.5.{number}")))
    words = [Path(sys.executable).parent / "ror", "--home", home.folder]
    words += ["import", folder, "--project", "lungs", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        archive = home.folder / "archive"
        eventually(lambda: any(archive.rglob("*.dcm")))
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        first = json.loads(process.stdout.read())
    assert process.returncode == 130
    assert 0 < first["taken_in"] < MANY
    assert not first["complete"]
    second = json.loads(home.good(*map(str, words[3:])))
    assert (second["held"], second["taken_in"]) == (first["taken_in"], MANY - first["taken_in"])
