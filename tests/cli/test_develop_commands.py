"""`ror init`, `config` and `status`: a workflow on a laptop, from nothing to its jobs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import Home
from tests.support.studies import small_ct


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def folder(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project with two series, which the commands are said in."""
    home.good("init", str(tmp_path / "my_model"))
    small_ct(tmp_path / "data" / "one", seed=1)
    small_ct(tmp_path / "data" / "two", seed=2, slices=3)
    monkeypatch.chdir(tmp_path / "my_model")
    return tmp_path / "my_model"


def configured(home: Home, *words: str) -> dict[str, Any]:
    told = json.loads(home.good("config", *words, "--json"))
    assert set(told) == {"messages", "ast", "matches", "complains"}
    return dict(told)


def test_init_says_what_comes_next(home: Home, tmp_path: Path) -> None:
    told = home.good("init", str(tmp_path / "my_model"), "-type", "bash")
    assert "made  " in told
    assert "python phantom.py ../phantom-data" in told
    again = home.good("init", "my_model", "-input_dir", str(tmp_path), "--type", "bash")
    assert "made  " not in again
    assert "which was there" in again


def test_init_refuses_a_type_that_there_is_not(home: Home, tmp_path: Path) -> None:
    said = home.ror("init", str(tmp_path / "my_model"), "--type", "cobol")
    assert said.code == 2
    assert "'cobol' is none of python, notebook, bash, webapp, monai" in said.err
    assert not (tmp_path / "my_model").exists()


def test_init_says_what_to_type_where_a_folder_has_blanks(home: Home, tmp_path: Path) -> None:
    told = home.good("create", "my_model", "--input_dir", str(tmp_path / "my models"))
    assert f"  cd '{tmp_path / 'my models' / 'my_model'}'\n" in told


def test_init_refuses_a_name_that_is_none_and_a_file(home: Home, tmp_path: Path) -> None:
    said = home.ror("init", "")
    assert (said.code, "what is the workflow to be called?" in said.err) == (2, True)
    (tmp_path / "letter").write_text("as it was")
    said = home.ror("init", str(tmp_path / "letter"))
    assert (said.code, f"{tmp_path / 'letter'} is no folder" in said.err) == (1, True)
    assert (tmp_path / "letter").read_text() == "as it was"


def test_options_of_the_tool_of_old_are_taken_and_told_of(home: Home, folder: Path) -> None:
    words = ("-author_name", "A. B.", "-project_name", "x", "-clip0", "5", "-no_sort_dicom")
    said = home.ror("config", *words, "-data", str(folder.parent / "data"))
    assert said.code == 0
    assert [line.partition(" says nothing here: ")[0] for line in said.err.splitlines()] == [
        "--author_name",
        "--project_name",
        "--clip0",
        "--no_sort_dicom",
    ]
    assert "--author" not in home.good("config", "--help")


def test_a_setting_is_set_whatever_else_is_wrong(home: Home, folder: Path) -> None:
    manifest = folder / "workflow.toml"
    manifest.write_text(manifest.read_text().replace('on = "', 'on = "un'))
    out = home.good("config", "--server", "http://127.0.0.1:1")
    assert "server is set" in out and "is no name in its select statement" in out
    assert home.ror("config").code == 1


def test_a_command_that_was_mistyped_is_guessed(home: Home) -> None:
    said = home.ror("statsu")
    assert (said.code, "No such command 'statsu'. Did you mean" in said.err) == (2, True)
    assert "'status'" in said.err


@pytest.mark.parametrize("dashes", ["-", "--"])
def test_data_is_added_and_matched(dashes: str, home: Home, folder: Path) -> None:
    told = configured(home, f"{dashes}data", str(folder.parent / "data"))
    assert told["ast"]["node"] == "Statement"
    assert len(told["matches"]) == 1  # the other has three images
    assert "11 files, 11 of them new or changed" in told["messages"]
    assert "known: 2 series of 2 studies of 2 patients" in told["messages"]
    assert told["complains"] == []


def test_files_that_are_not_used_are_counted_and_named(home: Home, folder: Path) -> None:
    note = folder.parent / "data" / "note.txt"
    note.write_text("a note")
    told = configured(home, "--data", str(folder.parent / "data"))
    assert told["complains"] == [
        "not used: 1 × no DICOM file",
        "ror status --data says which files these are",
    ]
    assert f"not used: {note}: no DICOM file\n" in home.good("status", "--data")
    assert json.loads(home.good("status", "--data", "--json"))["not_used"] == {str(note): "no DICOM file"}


def test_a_pattern_may_be_the_shells_or_ours(home: Home, folder: Path) -> None:
    data = folder.parent / "data"
    assert len(configured(home, "--data", str(data / "*"))["matches"]) == 1
    configured(home, "--clear")
    assert len(configured(home, "--data", str(data / "one"), str(data / "two"))["matches"]) == 1
    assert home.ror("config", str(data)).code == 2


def test_data_in_the_folder_of_the_workflow_are_refused(home: Home, folder: Path) -> None:
    small_ct(folder / "data")
    for inside in ("data", ".", "data/*"):
        said = home.ror("config", "--data", inside)
        assert said.code == 1
        assert "keep data elsewhere" in said.err
    assert json.loads(home.good("status", "--json"))["series"] == 0


def test_a_statement_is_written_into_the_manifest(home: Home, folder: Path) -> None:
    configured(home, "--data", str(folder.parent / "data"))
    (folder / "new.txt").write_text('select series\n  where series named "image" has Modality = CT\n')
    before = (folder / "workflow.toml").read_text()
    assert len(configured(home, "--select", "new.txt")["matches"]) == 2
    after = (folder / "workflow.toml").read_text()
    assert after != before
    assert after[after.index("[options]") :] == before[before.index("[options]") :]


def test_a_statement_with_faults_changes_nothing(home: Home, folder: Path) -> None:
    before = (folder / "workflow.toml").read_text()
    said = home.ror("config", "--select", "select series where Modalitty = CT", "--json")
    assert said.code == 1
    told = json.loads(said.out)
    assert told["ast"] is None
    assert "Modality" in told["complains"][0]
    assert (folder / "workflow.toml").read_text() == before


def test_a_proposal_is_made_and_not_taken(home: Home, folder: Path) -> None:
    before = (folder / "workflow.toml").read_text()
    assert home.ror("config", "--suggest").code == 1
    told = home.good("config", "--data", str(folder.parent / "data"), "--suggest")
    assert "proposed, with" in told
    assert (folder / "workflow.toml").read_text() == before


def test_a_call_becomes_the_command(home: Home, folder: Path) -> None:
    home.good("config", "--call", "python 'my main.py' {} {output}")
    assert 'command = ["python", "my main.py", "{}", "{output}"]' in (folder / "workflow.toml").read_text()
    assert home.ror("config", "--call", "python 'my").code == 1
    assert home.ror("config", "--call", "").code == 1


@pytest.mark.parametrize("dashes", ["--", "-"])
def test_a_token_is_kept_for_nobody_else_and_never_told(dashes: str, home: Home, folder: Path) -> None:
    said = home.good("config", f"{dashes}server", "http://127.0.0.1:8104", f"{dashes}token", "ror_planted")
    assert ("server is set" in said, "token is set" in said) == (True, True)
    settings = folder / ".ror" / "settings.json"
    assert settings.stat().st_mode & 0o077 == 0
    assert "ror_planted" in settings.read_text()
    told = home.good("status") + home.good("status", "--all", "--json") + said
    assert "ror_planted" not in told
    assert "server: http://127.0.0.1:8104, with a token" in told
    home.good("config", "--token", "")
    assert "ror_planted" not in settings.read_text()
    assert "server: http://127.0.0.1:8104, without a token" in home.good("status")


def test_a_token_that_is_piped_in_is_read_without_a_word_of_it(home: Home, folder: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ror"), "--home", str(home.folder), "config", "--token", "-"],
        cwd=folder,
        input="ror_planted\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stderr, "token is set" in done.stdout, "ror_planted" in done.stdout) == ("", True, False)
    assert json.loads((folder / ".ror" / "settings.json").read_text())["token"] == "ror_planted"


@pytest.mark.parametrize("url", ["https://me:planted@ror.example.org/", "http://planted@127.0.0.1:8104/a"])
def test_a_server_with_a_password_in_its_address_is_refused_and_not_told(
    url: str, home: Home, folder: Path
) -> None:
    token = folder.parent / "token"
    token.write_text("ror_nothing")
    for words in (("config",), ("submit", "--token-file", str(token))):
        said = home.ror(*words, "--server", url)
        assert (said.code, "--token says who asks" in said.err) == (1, True)
        assert "planted" not in said.out + said.err
    assert not (folder / ".ror" / "settings.json").exists()


def test_settings_that_cannot_be_are_refused_and_nothing_is_set(home: Home, folder: Path) -> None:
    said = home.ror("config", "--server", "ftp://somewhere", "--token", "two words")
    assert said.code == 1
    assert "--server, --token cannot be so" in said.err
    assert "two words" not in said.err
    assert not (folder / ".ror" / "settings.json").exists()
    (folder / ".ror").mkdir(exist_ok=True)
    (folder / ".ror" / "settings.json").write_text('{"token": 3, "colour": "ror_planted"}')
    said = home.ror("status")
    assert (said.code, "remove it, and say ror config again" in said.err) == (1, True)
    assert "ror_planted" not in said.err


def test_a_folder_for_all_workflows_is_refused_with_what_to_do_instead(home: Home, folder: Path) -> None:
    said = home.ror("config", "-static", "/tmp")
    assert (said.code, "into the folder of the workflow" in said.err) == (1, True)


def test_status_lists_jobs_by_the_numbers_that_trigger_takes(home: Home, folder: Path) -> None:
    assert "next: ror config --data FOLDER" in home.good("status")
    home.good("config", "--data", str(folder.parent / "data"))
    told = home.good("status", "-jobs")
    assert told.startswith("job 1: series ")
    assert "CT, small 1, 8 images" in told
    (job,) = json.loads(home.good("status", "--jobs", "--json"))["jobs"]
    assert job[0]["JobID"] == 1
    assert job[0]["NameFromSelect"] == "image"
    assert job[0]["SeriesInstanceUID"] in told


def test_status_says_why_a_series_is_in_no_job(home: Home, folder: Path) -> None:
    home.good("config", "--data", str(folder.parent / "data"))
    told = home.good("status", "--all")
    assert "NumImages > 3: did not hold (NumImages: 3)" in told
    assert "workflow: my_model 0.1.0" in told
    everything = json.loads(home.good("status", "--all", "--json"))
    assert len(everything["data"]) == 2
    assert any("did not hold" in line for line in everything["reasons"])


def test_status_elsewhere_says_what_to_do(home: Home, tmp_path: Path) -> None:
    said = home.ror("status", str(tmp_path))
    assert said.code == 1
    assert "ror init NAME" in said.err


def test_git_passes_by_what_names_patients_whatever_the_project_ignores(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cloned"
    folder.mkdir()
    (folder / ".gitignore").write_text("*.pyc\n")
    subprocess.run(["git", "init", "-q", folder], check=True)
    home.good("init", str(folder))
    monkeypatch.chdir(folder)
    small_ct(tmp_path / "data")
    home.good("config", "--data", str(tmp_path / "data"))
    (folder / ".ror" / "virt").mkdir()
    (folder / ".ror" / "virt" / "requirements.txt").touch()
    words = ["git", "status", "--porcelain", "--untracked-files=all"]
    seen = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert (folder / ".ror" / "data.sqlite").is_file()
    assert [line for line in seen.splitlines() if ".ror" in line] == ["?? .ror/virt/requirements.txt"]


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_job_folders_in_a_file_are_refused_at_once(place: str, home: Home, folder: Path) -> None:
    (folder.parent / "file").touch()
    said = home.ror("config", "--temp_directory", str(folder.parent / place))
    assert (said.code, f"{folder.parent / 'file'} is no folder" in said.err) == (1, True)
    assert not (folder / ".ror" / "settings.json").exists()


def test_what_comes_after_forgetting_the_data_is_data(home: Home, folder: Path) -> None:
    home.good("config", "--data", str(folder.parent / "data"))
    assert home.good("config", "--clear").endswith("there is no data yet\nnext: ror config --data FOLDER\n")
