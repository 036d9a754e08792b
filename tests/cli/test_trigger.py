"""`ror trigger`: a job on a laptop, run by the engine's own parts, to what a PACS and a REDCap would get."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from containers import Outcome, RunOrder
from ror.cli import cli
from ror.develop import sweep
from ror.develop.live import Live
from tests.cli.test_commands import Home
from tests.support.docker_daemon import BASE_IMAGE
from tests.support.studies import small_ct


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def folder(folder: Path, home: Home, tmp_path: Path) -> Path:
    """The workflow `box` with one series, in the folder that the commands are said in."""
    small_ct(tmp_path / "data" / "one", seed=1)
    home.good("config", "--data", str(tmp_path / "data"))
    return folder


def kept(out: str) -> Path:
    """Where a run says that all of it is."""
    (line,) = [line for line in out.splitlines() if line.startswith("all of it: ")]
    return Path(line.removeprefix("all of it: "))


def report(out: str) -> dict[str, Any]:
    return dict(json.loads((kept(out) / "report.json").read_text()))


def test_packages_that_cannot_be_had_are_told_and_no_log_that_is_not_there(
    home: Home, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wheels").mkdir()
    monkeypatch.setenv("ROR_WHEELS", str(tmp_path / "wheels"))
    (folder / "requirements.txt").write_text("no-such-torch==1.0\n")
    said = home.ror("trigger")
    assert said.code == 1
    assert "wrong: the requirements of box cannot be installed" in said.err
    assert "\n       Look at its requirements.txt" in said.err
    assert "all that it printed" not in said.err


def test_a_job_goes_all_the_way_to_its_results(home: Home, folder: Path) -> None:
    out = home.good("trigger")
    assert "staged: 1 series, 8 images" in out
    assert "a box of 3072 mm3" in out  # what the program prints, while it runs
    root = kept(out)
    made = {one.Modality: one for one in map(dcmread, (root / "results").iterdir())}
    assert set(made) == {"SEG", "SR"}
    (image, *_) = (folder.parent / "data" / "one").iterdir()
    assert {one.StudyInstanceUID for one in made.values()} == {dcmread(image).StudyInstanceUID}
    told = report(out)
    (record,) = told["redcap"]
    assert record == {"record_id": "<pseudonym 1>", "box_volume": "3072"}
    assert f"REDCap would get: {json.dumps(record)}" in out
    assert out.endswith("next: ror build makes an image of it and tries that\n")
    assert sorted(told["objects"]) == sorted(path.name for path in (root / "results").iterdir())
    assert (root / "output" / "mask" / "box.nii.gz").is_file()
    assert "a box of" in (root / "log" / "container.log").read_text()
    assert not root.with_name(root.name.removesuffix("_output")).exists()


def test_who_the_patient_is_and_who_has_sent_them_is_not_told(home: Home, folder: Path) -> None:
    for file in (folder.parent / "data" / "one").iterdir():
        image = dcmread(file)
        image.PatientID, image.ReferringPhysicianName = "4711-PLANTED", "Planted^Physician"
        image.save_as(file)
    home.good("config", "--clear", "--data", str(folder.parent / "data"))
    program = folder / "box.py"
    program.write_text(
        program.read_text().replace(
            '"redcap_event_name": ""', '"redcap_event_name": patient["ReferringPhysician"]'
        )
    )
    assert 'patient["ReferringPhysician"]' in program.read_text()
    said = home.ror("trigger")
    assert said.code == 0, said.err
    everything = said.out + said.err + (kept(said.out) / "report.json").read_text()
    assert "PLANTED" not in everything.upper()
    assert "these images are not de-identified: what names the patient is not shown" in said.out
    assert 'REDCap would get: {"record_id": "<pseudonym 1>", "box_volume": "3072"}' in said.out


def test_of_research_images_records_are_told_as_they_are(home: Home, folder: Path) -> None:
    for file in (folder.parent / "data" / "one").iterdir():
        image = dcmread(file)
        image.PatientIdentityRemoved, image.PatientID = "YES", "MOBA-0012"
        image.save_as(file)
    home.good("config", "--clear", "--data", str(folder.parent / "data"))
    out = home.good("trigger")
    assert 'REDCap would get: {"record_id": "MOBA-0012", "box_volume": "3072"}' in out
    assert "not de-identified" not in out


@contextmanager
def at_work(home: Home, folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[str], Path]]:
    """`ror trigger` as a process whose program runs until it is ended, what it has said, and its data folder."""
    home.good("config", "--call", "bash -c 'echo it runs; exec tail -f /dev/null'")
    words = [Path(sys.executable).parent / "ror", "--home", home.folder, "trigger"]
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as ror:
        assert ror.stdout is not None
        try:
            said = [ror.stdout.readline()]
            while said[-1] not in ("it runs\n", ""):
                said.append(ror.stdout.readline())
            (data,) = data_folders(folder)
            yield ror, said, data
        finally:
            ror.kill()


def data_folders(folder: Path) -> list[Path]:
    return [one for one in (folder / ".ror" / "runs").iterdir() if not one.name.endswith("_output")]


def test_a_run_that_is_terminated_leaves_no_images(home: Home, folder: Path) -> None:
    with at_work(home, folder) as (ror, said, data):
        ror.terminate()
        assert ror.stdout is not None
        out = "".join([*said, *ror.stdout])
    assert ror.returncode == 143
    assert "the job did not come to its end" in out
    assert kept(out).is_dir()
    assert not data.exists()


def test_what_a_killed_run_has_left_the_next_one_removes(home: Home, folder: Path) -> None:
    with at_work(home, folder) as (ror, _said, data):
        home.good("config", "--call", "true")
        assert "killed" not in home.ror("trigger").err  # it is another's, who is at work
        ror.kill()
    assert (data / "job.json").is_file()
    assert f"removed the images that a killed run has left: {data}\n" in home.ror("trigger").err
    assert data_folders(folder) == []
    assert "killed" not in home.ror("trigger").err


def test_of_a_container_that_may_read_them_still_images_are_told_not_removed(tmp_path: Path) -> None:
    (tmp_path / "x_output").mkdir()
    (tmp_path / "x_output" / "unfinished").write_text(f"docker\n{tmp_path / 'x'}")
    (tmp_path / "x").mkdir()
    assert list(sweep(tmp_path)) == [
        f"a run that was killed has left images, which its container may read still: rm -r {tmp_path / 'x'}"
    ]
    assert (tmp_path / "x").is_dir()
    (tmp_path / "x").rmdir()
    assert list(sweep(tmp_path)) == []
    assert list((tmp_path / "x_output").iterdir()) == []


def test_the_same_data_make_the_same_objects_again(home: Home, folder: Path) -> None:
    once, again = report(home.good("trigger")), report(home.good("trigger"))
    assert once["objects"] == again["objects"]
    assert once["job"] == again["job"]


def test_a_mask_is_held_against_a_reference(home: Home, folder: Path) -> None:
    mask = kept(home.good("trigger")) / "output" / "mask" / "box.nii.gz"
    out = home.good("trigger", "--reference", str(mask), "--reference", f"box={mask}")
    assert "agreement: box/1 Box: Dice 1.0000 (256 voxels, 256 in the reference)" in out
    (agreement,) = report(out)["agreement"]
    assert agreement["dice"] == 1
    (seg,) = (mask.parents[2] / "results").glob("SEG-*.dcm")
    assert "agreement: box/1 Box: Dice 1.0000" in home.good("trigger", "--reference", str(seg))
    assert "which mask is it of?" in home.ror("trigger", "--reference", f"other={mask}").err
    assert "there is no reference" in home.ror("trigger", "--reference", "nothing.nii.gz").err
    for name in ("text.nii.gz", "text.npz", "text"):
        (folder / name).write_text("no mask")
        said = home.ror("trigger", "--reference", name)
        assert said.code == 1
        assert f"the reference {name} cannot be used" in said.err
        assert "ran: " not in said.out
        assert "pickle" not in said.err


def test_a_volume_unlike_its_mask_is_told_as_it_would_be_in_the_hospital(home: Home, folder: Path) -> None:
    program = folder / "box.py"
    program.write_text(program.read_text().replace("round(volume, 3)", "round(volume * 1.2, 3)"))
    out = home.good("trigger")
    assert "1 measurement, 0 files, box_volume is 3686.4 mm3, its mask 3072\n" in out


def test_a_program_that_fails_is_told_with_its_last_line(home: Home, folder: Path) -> None:
    home.good("config", "--call", "bash -c 'echo no model here; exit 3'")
    said = home.ror("trigger")
    assert said.code == 1
    assert "the program ended with exit code 3: no model here" in said.err
    assert said.err.endswith("next: mend what was wrong, and say ror trigger --job 1 once more\n")
    assert f"all that it printed is in {kept(said.out)}" in said.err


def test_outputs_that_are_not_as_announced_are_told_all_at_once(home: Home, folder: Path) -> None:
    home.good("config", "--call", "bash -c 'touch $2/extra.txt' program")
    said = home.ror("trigger")
    assert said.code == 1
    for fault in (
        "mask/box: is announced but missing",
        "output.json: is missing",
        "extra.txt: is not announced",
    ):
        assert fault in said.err
    assert (kept(said.out) / "output" / "extra.txt").is_file()


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param("rm -f $1/job.json", id="removed"),
        pytest.param("rm -f $1/job.json && touch $1/job.json", id="emptied"),
        pytest.param("rm -f $1/job.json && echo '[]' > $1/job.json", id="other JSON"),
        pytest.param("rm -rf $1", id="no folder"),
        pytest.param("rm -rf $1/input", id="no images"),
        pytest.param("for one in $1/input/*; do rm $one; echo text > $one; done", id="no DICOM"),
        pytest.param("sed -i s/CT_000007/CT_000000/ $1/job.json", id="other series"),
        pytest.param(
            "cp --remove-destination $1/input/CT_000001.dcm $1/input/CT_000000.dcm", id="other image"
        ),
        pytest.param("cp $1/input/CT_000001.dcm $1/input/CT_000100.dcm", id="more images"),
        pytest.param("touch $1/note.txt", id="a file of its own"),
        pytest.param("touch $1/input_view_dicom_series/note.txt", id="a file in a view"),
    ],
)
def test_a_program_that_changes_its_input_is_told_so(harm: str, home: Home, folder: Path) -> None:
    (folder / "harm.sh").write_text(f"chmod -R u+w $1; python3 box.py $1 $2; {harm}")
    home.good("config", "--call", "bash harm.sh")
    said = home.ror("trigger")
    assert said.code == 1
    assert "the program has not left its input as it was" in said.err
    assert "let it write to /output alone" in said.err
    root = kept(said.out)
    assert [one.name for one in root.parent.iterdir()] == [root.name]


def test_one_of_several_jobs_that_fails_keeps_the_others_from_nothing(home: Home, folder: Path) -> None:
    small_ct(folder.parent / "data" / "two", seed=2, slices=5)
    home.good("config", "--data", str(folder.parent / "data"))
    home.good(
        "config", "--call", "bash -c 'test $(ls $1/input | wc -l) -gt 5 && python3 box.py $1 $2' program"
    )
    said = home.ror("trigger", "--each")
    assert said.code == 1
    assert "1 of 2 jobs went well" in said.out
    assert said.out.count("PACS would get: SEG") == 1
    assert said.err.count("wrong: ") == 1
    numbers = {number: home.ror("trigger", "--job", number).code for number in ("1", "2")}
    jobs = json.loads(home.good("status", "--jobs", "--json"))["jobs"]
    for job in jobs:
        assert numbers[str(job[0]["JobID"])] == (0 if "8 images" in job[0]["Info"] else 1)


def test_a_kept_data_folder_is_run_on_again(home: Home, folder: Path) -> None:
    assert "no data folder is kept" in home.ror("trigger", "--last").err
    out = home.good("trigger", "-keep")
    root = kept(out)
    data = root.with_name(root.name.removesuffix("_output"))
    assert json.loads((data / "job.json").read_text())["series"][0]["name"] == "CT"
    shutil.rmtree(root / "results")
    again = home.good("trigger", "-last")
    assert "staged" not in again
    assert kept(again) == root
    assert len(list((root / "results").iterdir())) == 2


@pytest.mark.parametrize("end", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("keep", [True, False])
def test_a_run_that_is_broken_off_leaves_no_images_without_a_word(
    keep: bool, end: type[BaseException], home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BrokenOff(Live):
        def run(self, order: RunOrder, on_line: Any = None) -> Outcome:
            raise end

    out, err = StringIO(), StringIO()
    words = ["--home", str(home.folder), "trigger", *(["--keep"] if keep else [])]
    with monkeypatch.context() as broken:
        broken.setattr("ror.develop.trial.Live", BrokenOff)
        with redirect_stdout(out), redirect_stderr(err), pytest.raises((SystemExit, RuntimeError)):
            cli.main(words, prog_name="ror")
    assert "the job did not come to its end" in err.getvalue()
    root = kept(out.getvalue())
    data = root.with_name(root.name.removesuffix("_output"))
    assert data.exists() == keep == (f"data: {data}" in out.getvalue())
    if keep:
        assert kept(home.good("trigger", "--last")) == root


def test_a_data_folder_may_be_named_but_not_be_somebodys(home: Home, folder: Path) -> None:
    out = home.good("trigger", "--folder", str(folder.parent / "mine"))
    assert kept(out) == folder.parent / "mine_output"
    assert (folder.parent / "mine" / "job.json").is_file()
    again = home.good("trigger", "--folder", str(folder.parent / "mine"))
    assert f"replaces what an earlier run has left in {folder.parent / 'mine_output'}" in again
    assert "replaces" not in out + home.good("trigger", "--last")
    said = home.ror("trigger", "--folder", str(folder.parent / "data"))
    assert said.code == 1
    assert "no data folder of ror trigger" in said.err
    assert len(list((folder.parent / "data" / "one").iterdir())) == 8


def test_a_dry_run_says_what_would_be_done(home: Home, folder: Path) -> None:
    out = home.good("trigger", "--test", "-mem", "2g", "-cpus", "1.5", "-envs", '{"level": 3}')
    assert "job 1 would run: CT (" in out
    assert 'with at most 2048 MiB, 1.5 cores and 3600 s; options {"level": 3}' in out
    assert not (folder / ".ror" / "runs").exists()


@pytest.mark.parametrize(("delay", "told"), [("1ms", "0.001"), ("0m0.002s", "0.002"), ("0.003", "0.003")])
def test_a_job_may_be_begun_later(delay: str, told: str, home: Home, folder: Path) -> None:
    home.good("config", "--call", "false")
    lines = home.ror("trigger", "-delay", delay).out.splitlines()
    assert lines[0] == f"waits {told} s"
    assert lines[1].startswith("job 1 (")


def test_job_folders_may_be_laid_out_elsewhere(home: Home, folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    home.good("config", "-temp_directory", "../elsewhere")
    assert kept(home.good("trigger")).parent == elsewhere
    assert home.good("trigger", "--folder", "mine", "--keep").count(str(elsewhere / "mine")) == 2
    assert not (folder / ".ror" / "runs").exists()
    said = home.ror("config", "--temp_directory", "runs")
    assert (said.code, "in the folder of the workflow" in said.err) == (1, True)
    home.good("config", "--temp_directory", "")
    assert kept(home.good("trigger")).parent == folder / ".ror" / "runs"


def test_a_place_for_job_folders_that_has_become_a_file_is_told(home: Home, folder: Path) -> None:
    home.good("config", "--temp_directory", "../elsewhere")
    (folder.parent / "elsewhere").touch()
    said = home.ror("trigger")
    assert (said.code, "job folders cannot be laid out in" in said.err) == (1, True)
    assert "ror config --temp_directory DIR" in said.err


def test_options_reach_the_program(home: Home, folder: Path) -> None:
    home.good("config", "--call", "bash -c 'echo got $ROR_CONT_OPTIONS; exit 1'")
    assert 'got {"level": 3}' in home.ror("trigger", "--envs", '{"level": 3}').out


def test_an_option_that_the_workflow_has_not_is_refused(home: Home, folder: Path) -> None:
    manifest = folder / "workflow.toml"
    manifest.write_text(manifest.read_text().replace("[resources]", "[options]\nlevel = 1\n\n[resources]"))
    assert 'options {"level": 3}' in home.good("trigger", "--test", "--envs", '{"level": 3}')
    said = home.ror("trigger", "--envs", '{"levle": 3}')
    assert (said.code, "levle is not among [options] of workflow.toml" in said.err) == (1, True)
    assert "the options there are: level" in said.err


def test_a_mask_on_a_series_that_the_statement_does_not_name_is_told_first(home: Home, folder: Path) -> None:
    manifest = folder / "workflow.toml"
    manifest.write_text(manifest.read_text().replace('on = "CT"', 'on = "img"'))
    told = "workflow box: img is no name in its select statement"
    said = home.ror("trigger")
    assert (said.code, said.out) == (1, "")
    assert told in said.err
    assert "the names there are: CT" in said.err
    said = home.ror("config", "--select", "select series where series named CT has Modality = CT")
    assert (said.code, told in said.out, "next: name it in the statement" in said.err) == (1, True, True)


def test_data_are_not_laid_out_in_the_folder_of_the_workflow(home: Home, folder: Path) -> None:
    for inside in ("a/b", str(folder / "mine")):
        said = home.ror("trigger", "--folder", inside)
        assert (said.code, "would be a part of its package" in said.err) == (1, True), inside
    assert not (folder / "a").exists()
    (folder.parent / "file").write_text("in the way")
    said = home.ror("trigger", "--folder", "../file/mine")
    assert (said.code, "cannot be made: " in said.err) == (1, True), said.err


def test_limits_are_told_by_their_names(home: Home, folder: Path) -> None:
    manifest = folder / "workflow.toml"
    manifest.write_text(manifest.read_text().replace("timeout_s = 3600.0", "timeout_s = 0.1"))
    home.good("config", "--call", "tail -f /dev/null")
    assert "killed: over 0.1 s ([resources] of workflow.toml: timeout_s)" in home.ror("trigger").err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--mem", "lots"), "such as 2g or 512m"),
        (("--mem", "1m"), "memory_mib"),
        (("--cpus", "0"), "cpus"),
        (("--cpus", "4096"), "--cpus 4096: this machine has "),
        (("--delay", "soon"), "such as 30s or 1m30s"),
        (("--delay", "1x5s"), "such as 30s or 1m30s"),
        (("--envs", "{"), "--envs is not JSON"),
        (("--envs", "[]"), "--envs is no JSON object"),
        (("--folder", "."), "give it a name"),
        (("--folder", ".."), "give it a name"),
        (("--job", "2"), "there is no job 2, but 1"),
        (("--job", "1", "--each"), "give one of --job, --each and --last"),
        (("--each", "--folder", "x"), "--folder is for one job"),
        (("--docker", "--cont", "x"), "give one of them"),
        (("--cont", ""), "--cont names no image"),
        (("--last", "--folder", "mine"), "--folder on a new one"),
        (("--gpus", "7"), "--gpus 7: this machine has no such card"),
        (("--static", "/mnt"), "no folder is shared by all workflows"),
    ],
)
def test_what_cannot_be_meant_is_told(words: tuple[str, ...], told: str, home: Home, folder: Path) -> None:
    said = home.ror("trigger", *words)
    assert said.code != 0
    assert told in said.err


def test_a_workflow_that_wants_a_card_has_one_or_is_told(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = folder / "workflow.toml"
    manifest.write_text(
        manifest.read_text().replace("[resources]", "[resources]\ngpu = true\ngpu_memory_mib = 2048")
    )
    home.good("config", "--call", "sh -c 'echo card $CUDA_VISIBLE_DEVICES; false'")
    without = home.ror("trigger")
    assert "without a card: the workflow wants one" in without.err
    assert "\ncard\n" in without.out
    monkeypatch.setenv("ROR_ENGINE__GPUS", "0:1024,1:8192")
    assert "card 1\n" in home.ror("trigger").out
    assert "card 0\n" in home.ror("trigger", "--gpus", "0").out
    assert "say one of 0, 1" in home.ror("trigger", "--gpus", "2").err


def test_a_program_that_is_killed_by_a_signal_is_told_by_its_name(home: Home, folder: Path) -> None:
    home.good("config", "--call", "sh -c 'kill -SEGV $$'")
    assert "the program ended with exit code 139 (SIGSEGV: segmentation fault)" in home.ror("trigger").err


def test_without_a_job_it_says_where_to_look(home: Home, folder: Path) -> None:
    home.good("config", "--select", "select series where series named CT has Modality = MR")
    assert "ror status --all says why not" in home.ror("trigger").err


def test_files_that_have_changed_are_to_be_read_again(home: Home, folder: Path) -> None:
    (file, *_) = (folder.parent / "data" / "one").iterdir()
    os.utime(file, ns=(1, 1))
    said = home.ror("trigger")
    assert said.code == 1
    assert "read them again: ror config --data FOLDER" in said.err
    home.good("config", "--data", str(folder.parent / "data"))
    home.good("trigger")


def test_no_name_is_told_however_odd_it_is(home: Home, folder: Path) -> None:
    for file in (folder.parent / "data" / "one").iterdir():
        image = dcmread(file)
        image.PatientName = "oddname"
        image.save_as(file)
    home.good("config", "--data", str(folder.parent / "data"))
    words = [Path(sys.executable).parent / "ror", "--home", home.folder, "trigger"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "oddname" not in done.stdout + done.stderr
    assert "PACS would get" in done.stdout


def test_without_docker_it_says_how_to_go_on(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    said = home.ror("trigger", "--docker")
    assert said.code == 1
    assert "start Docker, or leave --cont and --docker out" in said.err


@pytest.mark.docker
def test_the_image_of_the_folder_makes_what_the_process_makes(
    home: Home, folder: Path, docker_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    home.settings(f'[engine]\nbase_image = "{BASE_IMAGE}"\n')
    process, docker = report(home.good("trigger")), report(home.good("trigger", "--docker"))
    assert docker["image"].startswith("docker:ror/box:")
    assert docker["redcap"] == process["redcap"]
    assert len(docker["objects"]) == len(process["objects"])
    named = report(home.good("trigger", "--cont", docker["image"].removeprefix("docker:")))
    assert named["objects"] == docker["objects"]
