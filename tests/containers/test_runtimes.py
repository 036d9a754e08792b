"""What every runtime promises, tried on each of them."""

import dataclasses
import json
import subprocess
import sys
import threading
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from containers import DockerRuntime, Ending, ImageError, Limits, Package, Runtime
from tests.containers.conftest import Stage

FOR_KILLED_PARENT = Path(__file__).with_name("run_and_be_killed.py")


def test_a_program_that_succeeds_is_told_as_such(stage: Stage) -> None:
    before = datetime.now(UTC)
    outcome = stage.play(do="succeed")
    assert outcome.ok and (outcome.ending, outcome.exit_code) == (Ending.EXITED, 0)
    assert before <= outcome.started_at <= outcome.ended_at <= datetime.now(UTC)
    assert (stage.output / "output.json").read_text() == "[]"


def test_the_exit_code_is_the_programs_own(stage: Stage) -> None:
    outcome = stage.play(do="fail", code=42)
    assert (outcome.ending, outcome.exit_code, outcome.ok) == (Ending.EXITED, 42, False)


def test_a_command_that_does_not_exist_ends_with_127(stage: Stage) -> None:
    if stage.podman:
        pytest.skip(
            "catatonit, by which Podman starts programs, ends with 1 where there is none, and says so"
        )
    outcome = with_command(stage, "no-such-program").play(do="succeed")
    assert (outcome.ending, outcome.exit_code) == (Ending.EXITED, 127)


def test_the_program_gets_data_and_output_as_its_two_arguments_and_its_options(stage: Stage) -> None:
    assert stage.play(do="tell", into="OUTPUT/seen.json", threshold=0.5, name="å").ok
    seen = json.loads((stage.output / "seen.json").read_text())
    assert len(seen["arguments"]) == 2
    assert seen["options"] == {"do": "tell", "into": "OUTPUT/seen.json", "threshold": 0.5, "name": "å"}
    assert seen["input"] == "to be read"
    assert (seen["environment"]["MPLBACKEND"], seen["environment"]["OMP_NUM_THREADS"]) == ("Agg", "2")
    # Containers have no name for the user that a program runs as, which getpass.getuser then fails for.
    assert (seen["environment"]["USER"], seen["environment"]["LOGNAME"]) == ("ror", "ror")


def test_placeholders_stand_for_the_folders(stage: Stage) -> None:
    words = ("python", "main.py", "--descr={descr}", "{output_json}", "{input}", "{output}")
    assert with_command(stage, *words).play(do="tell", into="OUTPUT/seen.json").ok
    descr, output_json, data, output = json.loads((stage.output / "seen.json").read_text())["arguments"]
    assert (descr, output_json) == (f"--descr={data}/descr.json", f"{output}/output.json")


def test_nothing_of_the_engines_environment_reaches_the_program(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROR_REDCAP_TOKEN_FOR_TEST", "not for workflows")
    assert stage.play(do="tell", into="OUTPUT/seen.json").ok
    assert "ROR_REDCAP_TOKEN_FOR_TEST" not in (stage.output / "seen.json").read_text()


def test_lines_of_both_streams_come_while_it_runs_and_are_kept(stage: Stage) -> None:
    lines: list[str] = []
    assert stage.play(lines.append, do="speak").ok
    # Two streams are two pipes: in Docker their lines may overtake each other.
    assert sorted(lines) == ["first on stdout", "second on stderr", "third, with ü"]
    assert [line for line in lines if "stderr" not in line] == ["first on stdout", "third, with ü"]
    assert stage.log.splitlines() == lines


def test_a_flood_of_output_is_cut_off_and_said_so(stage: Stage) -> None:
    assert stage.play(do="flood", mib=60, limits=Limits(timeout_s=120)).ok
    assert stage.log.endswith("ror: the log is over 50 MiB; the rest is dropped\n")
    assert len(stage.log) < 51 << 20


def test_a_run_over_its_time_is_ended_and_told(stage: Stage) -> None:
    outcome = stage.play(do="sleep", limits=Limits(timeout_s=1.5))
    assert (outcome.ending, outcome.exit_code, outcome.detail) == (
        Ending.TIMED_OUT,
        None,
        "killed: over 1.5 s",
    )


def test_a_program_that_ignores_the_request_to_end_is_killed(stage: Stage) -> None:
    outcome = stage.play(do="refuse", limits=Limits(timeout_s=1))
    assert outcome.ending is Ending.TIMED_OUT
    assert (outcome.ended_at - outcome.started_at).total_seconds() < 10


def test_a_run_over_its_memory_is_killed_and_told(stage: Stage) -> None:
    outcome = stage.play(do="swell", mib=256, pause=0.005, limits=Limits(memory_mib=64, timeout_s=60))
    assert outcome.ending is Ending.OUT_OF_MEMORY
    assert stage.told(outcome) == "killed: over 64 MiB"
    assert "took it all" not in stage.log


def test_a_run_within_its_memory_is_left_alone(stage: Stage) -> None:
    assert stage.play(do="swell", mib=64, limits=Limits(memory_mib=128, timeout_s=60)).ok


def test_stop_ends_a_run_from_another_thread(stage: Stage) -> None:
    def on_line(line: str) -> None:
        if line == "ready":
            threading.Thread(target=lambda: stopped.append(stage.runtime.stop(stage.job_id))).start()

    stopped: list[bool] = []
    outcome = stage.play(on_line, do="sleep")
    assert (outcome.ending, outcome.exit_code, stopped) == (Ending.STOPPED, None, [True])


def test_stop_of_what_does_not_run_says_so(runtime: Runtime) -> None:
    assert runtime.stop("no-such-job") is False


def test_a_job_may_run_again_after_its_end(stage: Stage) -> None:
    assert stage.play(do="fail", code=1).exit_code == 1
    assert stage.play(do="succeed").ok


def test_a_listener_that_fails_ends_the_program(stage: Stage) -> None:
    def on_line(line: str) -> None:
        raise RuntimeError("the database is gone")

    with pytest.raises(RuntimeError, match="the database is gone"):
        stage.play(on_line, do="sleep")
    assert stage.runtime.stop(stage.job_id) is False


def test_processes_left_behind_end_with_the_program(stage: Stage) -> None:
    lines: list[str] = []
    assert stage.play(lines.append, do="leave_behind").ok
    if stage.runtime.name == "process":
        assert not Path(f"/proc/{lines[0].removeprefix('left ')}").exists()


def test_what_a_killed_engine_left_is_taken_over_or_run_again_but_never_doubled(stage: Stage) -> None:
    """In Docker the same run goes on; a process ended with its engine and is run once more."""
    runtime = stage.runtime
    order = json.dumps(
        {
            "runtime": runtime.name,
            "root": str(stage.runtime._root),  # type: ignore[attr-defined]
            "host": runtime._daemon.host if isinstance(runtime, DockerRuntime) else None,
            "package": str(stage.package.folder),
            "image": dataclasses.asdict(stage.image),
            "folder": str(stage.folder),
            "job_id": stage.job_id,
        }
    )
    with subprocess.Popen(
        [sys.executable, FOR_KILLED_PARENT, order], stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdout is not None
        assert any(line.strip() == "ready" for line in engine.stdout)
        engine.kill()
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        # Only now: what the killed engine left must not end by itself before it is dealt with.
        if line.startswith("ror:"):
            (stage.data / "go").touch()

    assert stage.play(on_line, do="count").ok
    begun_and_ended = (stage.output / "count.txt").read_text().split()
    # In either case: what a process that was killed had begun to write is gone.
    assert begun_and_ended == ["begun", "ended"]
    assert lines[0].startswith("ror: an earlier run of this job") and lines[-1] == "done"


def test_many_who_prepare_at_once_get_one_image(runtime: Runtime, stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    manifest = (stage.package.folder / "workflow.toml").read_text()
    (folder / "workflow.toml").write_text(manifest.replace('"actor"', '"fresh"'))
    (folder / "requirements.txt").write_text(f"# nothing, for {tmp_path}\n")
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY . /app\n")
    package, said, images = Package.load(folder), [], []
    threads = [
        threading.Thread(target=lambda: images.append(runtime.prepare(package, said.append)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(images) == 4 and len(set(images)) == 1
    assert len([line for line in said if line.startswith(("building", "making"))]) == 1


def test_requirements_come_from_a_folder_of_wheels_without_network(
    runtime: Runtime, stage: Stage, tmp_path: Path
) -> None:
    folder = tmp_path / "needy"
    folder.mkdir()
    manifest = (stage.package.folder / "workflow.toml").read_text()
    (folder / "workflow.toml").write_text(manifest.replace('"actor"', '"needy"'))
    (folder / "requirements.txt").write_text("tiny_needed==1.0\n")
    (folder / "main.py").write_text("import tiny_needed\nprint(tiny_needed.WORD)\n")
    wheels = write_wheel(tmp_path / "wheels")
    runtime._wheels = wheels  # type: ignore[attr-defined]
    package = Package.load(folder)
    lines: list[str] = []
    needy = dataclasses.replace(stage, package=package, image=runtime.prepare(package, lambda line: None))
    assert needy.play(lines.append).ok
    assert lines == ["from the wheel"]


def test_why_requirements_cannot_be_had_is_told_in_one_line_beside_what_pip_prints(
    runtime: Runtime, stage: Stage, tmp_path: Path
) -> None:
    folder = tmp_path / "needy"
    folder.mkdir()
    manifest = (stage.package.folder / "workflow.toml").read_text()
    (folder / "workflow.toml").write_text(manifest.replace('"actor"', '"needy"'))
    (folder / "requirements.txt").write_text("tiny_needed==2.0\n")
    runtime._wheels = write_wheel(tmp_path / "wheels")  # type: ignore[attr-defined]
    lines: list[str] = []
    with pytest.raises(ImageError) as refused:
        runtime.prepare(Package.load(folder), lines.append)
    why = "No matching distribution found for tiny_needed==2.0"
    assert refused.value.message.rstrip() == f"the requirements of needy cannot be installed: {why}"
    assert len([line for line in lines if why in line]) == 1


def write_wheel(folder: Path) -> Path:
    """The smallest wheel there is (PEP 427)."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "tiny_needed-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_needed.py", "WORD = 'from the wheel'\n")
        wheel.writestr(
            "tiny_needed-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny_needed\nVersion: 1.0\n"
        )
        wheel.writestr(
            "tiny_needed-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("tiny_needed-1.0.dist-info/RECORD", "")
    return folder


def with_command(stage: Stage, *words: str) -> Stage:
    manifest = stage.package.manifest.model_copy(update={"command": words})
    return dataclasses.replace(stage, package=dataclasses.replace(stage.package, manifest=manifest))


# Docker gives a container its cards itself, and needs a driver for that.
@pytest.mark.parametrize("runtime", ["process"], indirect=True, scope="session")
@pytest.mark.parametrize(("gpus", "seen"), [((), ""), (("1",), "1"), (("0", "3"), "0,3")])
def test_a_process_sees_the_cards_that_it_was_given_and_no_others(
    stage: Stage, gpus: tuple[str, ...], seen: str
) -> None:
    order = dataclasses.replace(stage.order(do="tell", into="OUTPUT/seen.json"), gpus=gpus)
    assert stage.runtime.run(order).ok
    environment = json.loads((stage.output / "seen.json").read_text())["environment"]
    assert environment["CUDA_VISIBLE_DEVICES"] == seen
