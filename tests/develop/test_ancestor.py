"""A project as the ancestor makes it: `select.statement`, `stub.py` with two arguments, its own things in `.ror/`."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import select_lang
from containers import Package
from tests.cli.test_commands import Home
from tests.support.studies import small_ct

STUB = """
import json, sys
from pathlib import Path
data, output = map(Path, sys.argv[1:])
described = json.loads((data / "descr.json").read_text())
print(len(described), "series")
row = {"record_id": described[0]["PatientID"], "field_name": "images", "value": described[0]["NumFiles"]}
(output / "output.json").write_text(json.dumps([row]))
(output / "note.txt").write_text("not announced, and taken as it is")
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "old"
    (folder / ".ror" / "virt").mkdir(parents=True)
    (folder / ".ror" / "config").write_bytes(gzip.compress(b"{}"))
    (folder / ".ror" / "virt" / "requirements.txt").write_text("")
    statement = {"select": "select series from study where series has Modality = CT", "ROR_CONT_OPTIONS": ""}
    (folder / "select.statement").write_text(json.dumps({**statement, "docker_image": ""}))
    (folder / "stub.py").write_text(STUB)
    small_ct(tmp_path / "data", slices=4)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("image", ["", "workflow_old:1"])
def test_it_opens_and_runs(image: str, home: Home, folder: Path) -> None:
    statement = json.loads((folder / "select.statement").read_text())
    (folder / "select.statement").write_text(json.dumps({**statement, "docker_image": image}))
    assert "is not read: name the data again" in home.good("config")
    home.good("config", "-data", str(folder.parent / "data"))
    assert home.good("status", "-jobs").startswith("job 1: ")
    out = home.good("trigger")
    assert "1 series\n" in out
    assert "collected: 0 masks, 1 measurement, 1 file" in out


def test_what_lists_patients_is_no_part_of_its_package(folder: Path) -> None:
    before = Package.load(folder)
    assert [path.relative_to(folder).as_posix() for path in before.files()] == [
        ".ror/virt/requirements.txt",
        "select.statement",
        "stub.py",
    ]
    (folder / ".ror" / "config").write_bytes(gzip.compress(b'{"more": 1}'))
    (folder / ".ror" / "runs").mkdir()
    (folder / ".ror" / "runs" / "a.dcm").touch()
    assert Package.load(folder).digest == before.digest
    (folder / ".ror" / "virt" / "requirements.txt").write_text("numpy")
    assert Package.load(folder).digest != before.digest


@pytest.mark.docker
def test_an_image_that_its_statement_names_and_nobody_has_is_told(
    home: Home, folder: Path, docker_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    statement = folder / "select.statement"
    statement.write_text(
        statement.read_text().replace('"docker_image": ""', '"docker_image": "127.0.0.1:9/x:1"')
    )
    said = home.ror("build", "--no-trial")
    assert (said.code, "127.0.0.1:9/x:1 that select.statement names is neither here" in said.err) == (1, True)
    assert "ror init . makes a workflow.toml" in said.err


def test_its_statement_is_not_written_here(home: Home, folder: Path) -> None:
    said = home.ror("config", "--select", "select series where Modality = MR")
    assert said.code == 1
    assert "`ror init`, which adds a workflow.toml" in said.err


def test_a_workflow_toml_is_made_of_its_statement_and_program(home: Home, folder: Path) -> None:
    options = {"level": 3, "far": 1e30, "on": True, "deep": {"a b": ["x\ny", 1.5]}, "none": None}
    statement = json.loads((folder / "select.statement").read_text()) | {"ROR_CONT_OPTIONS": options}
    (folder / "select.statement").write_text(json.dumps(statement))
    out = home.good("init", ".")
    assert "taken over: the statement and the program (python stub.py) of select.statement" in out
    assert "not its options none: TOML has no null" in out
    manifest = Package.load(folder).manifest
    assert (manifest.name, manifest.command) == ("old", ("python", "stub.py"))
    assert manifest.select == statement["select"]
    assert manifest.options == {name: value for name, value in options.items() if value is not None}
    made = {path.name for path in folder.iterdir()}
    assert made == {"select.statement", "stub.py", "workflow.toml", *NEEDED, ".ror"}
    assert (folder / "stub.py").read_text() == STUB
    home.good("config", "-data", str(folder.parent / "data"))
    said = home.ror("trigger")
    assert "1 series\n" in said.out
    assert "note.txt: is not announced" in said.err


NEEDED = ("Dockerfile", "requirements.txt", ".gitignore")


def test_a_statement_with_faults_is_taken_over_with_a_comment(home: Home, folder: Path) -> None:
    wrong = "select series from study where series has Modalitty = CT"
    (folder / "select.statement").write_text(json.dumps({"select": wrong, "docker_image": "old:1"}))
    out = home.good("init", ".")
    assert "taken over: its statement has faults; correct it in workflow.toml: " in out
    assert "taken over: not the image that it names" in out
    assert "# It has a fault: " in (folder / "workflow.toml").read_text()
    assert Package.load(folder).manifest.select == wrong
    with pytest.raises(select_lang.SelectError):
        select_lang.read(wrong)


def test_without_a_program_nothing_is_made_of_it(home: Home, folder: Path) -> None:
    (folder / "stub.py").unlink()
    (folder / "select.statement").write_text(json.dumps({"select": "select series", "docker_image": "old:1"}))
    said = home.ror("init", ".")
    assert (said.code, "put it there as stub.py" in said.err) == (1, True)
    assert not (folder / "workflow.toml").exists()
