"""What only Docker promises: the program is shut in, and images are built without network."""

import dataclasses
import io
import json
import tarfile
import threading
from pathlib import Path

import docker
import pytest

from containers import (
    Availability,
    DockerRuntime,
    Ending,
    ImageArchive,
    ImageError,
    Limits,
    Package,
    RuntimeUnavailable,
)
from tests.containers.conftest import Stage
from tests.support.docker_daemon import BASE_IMAGE

pytestmark = [
    pytest.mark.docker,
    pytest.mark.parametrize("runtime", [pytest.param("docker", marks=pytest.mark.docker)], indirect=True),
]


@pytest.fixture
def client(docker_host: str) -> docker.DockerClient:
    return docker.DockerClient(base_url=docker_host)


def test_the_program_is_shut_in(stage: Stage) -> None:
    assert stage.play(limits=Limits(shm_mib=24, timeout_s=60), do="look_around").ok
    seen = json.loads((stage.output / "seen.json").read_text())
    assert seen["interfaces"] == ["lo"]
    assert seen["user"] != 0 and 0 not in seen["groups"]
    assert int(seen["capabilities"], 16) == 0
    assert (seen["no_new_privileges"], seen["seccomp"]) == ("1", "2")
    assert len(seen["refused"]) == 5, seen["refused"]
    assert seen["mib"] == {"/dev/shm": 24, "/tmp": 1024}


def test_its_limits_are_those_of_its_container(stage: Stage, client: docker.DockerClient) -> None:
    limits, seen = Limits(memory_mib=128, cpus=0.5, pids=32, timeout_s=60), list[dict[str, object]]()

    def on_line(line: str) -> None:
        if line == "ready":
            (container,) = client.containers.list(filters={"label": f"ror.job={stage.job_id}"})
            seen.append(container.attrs["HostConfig"])
            (stage.data / "go").touch()

    assert stage.play(on_line, limits=limits, do="count").ok
    told = seen[0]
    assert (told["Memory"], told["MemorySwap"]) == (128 << 20, 128 << 20)
    assert (told["NanoCpus"], told["PidsLimit"]) == (500_000_000, 32)
    assert told["LogConfig"]["Config"]["max-size"].lower() in ("64m", "64mb")  # type: ignore[index]


@pytest.mark.parametrize("gpus", [None, ("0",)], ids=["any card", "one by its number"])
def test_a_program_that_wants_a_card_waits_where_there_is_none(
    stage: Stage, client: docker.DockerClient, gpus: tuple[str, ...] | None
) -> None:
    if "nvidia" in client.info().get("Runtimes", {}):
        pytest.skip("this daemon can give cards")
    order = dataclasses.replace(stage.order(Limits(gpu=True, timeout_s=60), do="succeed"), gpus=gpus)
    with pytest.raises(RuntimeUnavailable, match="card"):
        stage.runtime.run(order)
    assert client.containers.list(all=True, filters={"label": f"ror.job={stage.job_id}"}) == []


def test_a_fork_bomb_stays_within_its_number_of_processes(stage: Stage) -> None:
    lines: list[str] = []
    assert stage.play(lines.append, limits=Limits(pids=32, timeout_s=60), do="multiply", processes=100).ok
    assert lines[0].startswith("refused after ")
    assert int(lines[0].split()[2].rstrip(":")) < 32


def test_the_container_is_taken_away_after_its_end(stage: Stage, client: docker.DockerClient) -> None:
    stage.play(do="fail", code=3)
    assert client.containers.list(all=True, filters={"label": f"ror.job={stage.job_id}"}) == []


def test_an_image_is_pinned_by_its_id(stage: Stage, client: docker.DockerClient) -> None:
    assert stage.image.digest == client.images.get(stage.image.reference).id
    assert stage.image.reference == f"ror/actor:{stage.package.digest[:12]}"


def test_an_image_that_is_gone_is_told(stage: Stage) -> None:
    gone = dataclasses.replace(stage.image, digest="sha256:" + "0" * 64)
    with pytest.raises(ImageError, match="Prepare the package again"):
        dataclasses.replace(stage, image=gone).play(do="succeed")


def test_a_run_is_stopped_from_another_engine(stage: Stage, docker_host: str, tmp_path: Path) -> None:
    other = DockerRuntime(tmp_path / "other", BASE_IMAGE, docker_host)

    def on_line(line: str) -> None:
        if line == "ready":
            threading.Thread(target=other.stop, args=(stage.job_id,)).start()

    outcome = stage.play(on_line, do="sleep")
    assert (outcome.ending, outcome.exit_code) == (Ending.EXITED, 143)


def test_a_container_that_ended_while_no_engine_watched_is_read_and_not_run_again(
    stage: Stage, client: docker.DockerClient
) -> None:
    client.containers.run(
        BASE_IMAGE,
        ["sh", "-c", "echo said before; exit 5"],
        labels={"ror.job": stage.job_id},
        network_mode="none",
        detach=True,
    ).wait()
    lines: list[str] = []
    outcome = stage.play(lines.append, do="succeed")
    assert outcome.exit_code == 5
    assert lines[1:] == ["said before"]
    assert not (stage.output / "output.json").exists()


def test_a_container_that_was_made_and_never_started_runs_on_an_empty_output(
    stage: Stage, client: docker.DockerClient
) -> None:
    client.containers.create(
        BASE_IMAGE,
        ["sh", "-c", "ls /output"],
        labels={"ror.job": stage.job_id},
        volumes={str(stage.output): {"bind": "/output", "mode": "rw"}},
        network_mode="none",
    )
    (stage.output / "half-written.nii.gz").touch()
    lines: list[str] = []
    assert stage.play(lines.append, do="fail", code=1).ok
    assert [line for line in lines if not line.startswith("ror:")] == []
    assert list(stage.output.iterdir()) == []


def test_a_missing_base_image_is_lacked_and_waited_for(
    stage: Stage, docker_host: str, tmp_path: Path
) -> None:
    folder = tmp_path / "based"
    folder.mkdir()
    manifest = (stage.package.folder / "workflow.toml").read_text()
    (folder / "workflow.toml").write_text(manifest.replace('"actor"', '"based"'))
    runtime = DockerRuntime(tmp_path / "docker", "localhost:1/no-such-base:1", docker_host)
    available = runtime.availability()
    assert available.ok
    assert "docker pull localhost:1/no-such-base:1" in available.lacks
    with pytest.raises(
        RuntimeUnavailable,
        match=r"no-such-base:1 is not on this machine(.|\n)*docker load(.|\n)*engine.base_image",
    ):
        runtime.prepare(Package.load(folder), lambda line: None)


def test_a_runtime_with_its_base_image_lacks_nothing(runtime: DockerRuntime) -> None:
    assert runtime.availability() == Availability(True)


def test_a_build_that_fails_shows_its_last_words(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "failing"
    folder.mkdir()
    manifest = (stage.package.folder / "workflow.toml").read_text()
    (folder / "workflow.toml").write_text(manifest.replace('"actor"', '"failing"'))
    wrong = "RUN echo much; echo ERROR: the reason is $((6 * 7)); echo more; exit 7"
    (folder / "Dockerfile").write_text(f"ARG BASE\nFROM ${{BASE}}\n{wrong}\n")
    lines: list[str] = []
    with pytest.raises(ImageError) as refused:
        stage.runtime.prepare(Package.load(folder), lines.append)
    assert refused.value.message.endswith(" 7: the reason is 42")
    assert len(refused.value.message.splitlines()) == 1
    assert {"much", "more"} <= {line.strip() for line in lines}


def test_a_machine_without_a_daemon_says_so(runtime: DockerRuntime, tmp_path: Path) -> None:
    absent = DockerRuntime(tmp_path, host=f"unix://{tmp_path}/no.sock")
    available = absent.availability()
    assert not available.ok and "no.sock" in available.reason and "Start Docker" in available.reason
    with pytest.raises(RuntimeUnavailable):
        absent.stop("job")


@pytest.mark.parametrize("label", ["", 'LABEL com.ror.conda.env.name="stub"'], ids=["entrypoint", "ancestor"])
def test_an_older_package_runs_its_image(
    stage: Stage, client: docker.DockerClient, tmp_path: Path, label: str
) -> None:
    """An image gets both folders; one from the ancestor's template gets its call, and adds /output itself."""
    name = f"older-{'ancestor' if label else 'entrypoint'}:1"
    last = "/output" if label else ""
    entry = f'#!/bin/sh\necho "$@" {last} > /output/arguments.txt; echo "$ROR_CONT_OPTIONS" >> /output/arguments.txt\n'
    build_image(client, name, entry, label)
    folder = tmp_path / "older"
    folder.mkdir()
    statement = {"select": "select series from study", "ROR_CONT_OPTIONS": '{"-z": 1}', "docker_image": name}
    (folder / "select.statement").write_text(json.dumps(statement))
    package = Package.load(folder)
    image = stage.runtime.prepare(package, lambda line: None)
    older = dataclasses.replace(stage, package=package, image=image)
    assert older.play(**package.manifest.options).ok
    call = "python ./stub.py /data /output" if label else "/data /output"
    assert (stage.output / "arguments.txt").read_text().splitlines() == [call, '{"-z": 1}']


def test_an_image_that_was_saved_runs_elsewhere_and_takes_no_name(
    stage: Stage, runtime: DockerRuntime, client: docker.DockerClient, tmp_path: Path
) -> None:
    """Where it comes to, the names that it was saved under may be those of other images."""
    archive, folder = tmp_path / "saved.tar.gz", tmp_path / "package"
    runtime.tag(stage.image, "actor-saved:7")
    runtime.save(runtime.named("actor-saved:7"), "actor-saved:7", archive)
    build_image(client, "actor-saved:7", "true", "")
    others = client.images.get("actor-saved:7").id
    folder.mkdir()
    ImageArchive.read(archive).make_package(folder)
    package = Package.load(folder)
    assert package.manifest == stage.package.manifest
    runtime.discard(package)  # a daemon that was there before may have it
    told: list[str] = []
    image = runtime.prepare(package, told.append)
    assert [one.split(":")[0] for one in told] == ["loading ror/actor"]
    assert image.digest == stage.image.digest
    assert client.images.get("actor-saved:7").id == others
    assert dataclasses.replace(stage, package=package, image=image).play(do="look_around").ok
    assert runtime.prepare(package, told.append) == image and len(told) == 1
    assert runtime.has_image(package) and runtime.discard(package)


def test_an_image_for_another_machine_or_of_no_package_is_told(
    stage: Stage, runtime: DockerRuntime, client: docker.DockerClient, tmp_path: Path
) -> None:
    with pytest.raises(ImageError, match="no image on this machine is called nowhere:1"):
        runtime.named("nowhere:1")
    config = {"architecture": "s390x", "config": {"Labels": {"ror.manifest": "x"}}}
    manifest: list[dict[str, object]] = [{"Config": "c.json", "RepoTags": None, "Layers": []}]
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "workflow.toml").write_bytes((stage.package.folder / "workflow.toml").read_bytes())
    with tarfile.open(folder / "image.tar.gz", "w:gz") as tar:
        for name, told in (("c.json", config), ("manifest.json", manifest)):
            text = json.dumps(told).encode()
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    with pytest.raises(ImageError, match="is an image for s390x, and this machine is"):
        runtime.prepare(Package.load(folder), lambda line: None)


def build_image(client: docker.DockerClient, name: str, entry: str, label: str) -> None:
    dockerfile = f'FROM {BASE_IMAGE}\nCOPY entry.sh /entry.sh\nENTRYPOINT ["/bin/sh", "/entry.sh"]\n{label}\n'
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for path, text in {"Dockerfile": dockerfile, "entry.sh": entry}.items():
            member = tarfile.TarInfo(path)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    context.seek(0)
    client.images.build(fileobj=context, custom_context=True, tag=name, network_mode="none")
