"""Packages as the ancestor's templates make them: an image, and a `select.statement` that says which series it wants.

Their images have an entrypoint that runs the call it gets and appends /output, and bring the program in their working
folder: `stub.py` for Python, else what the call says.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from examples.demo.service import CommandFailed, Installation
from orthanc import send
from tests.support.docker_daemon import BASE_IMAGE
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct

pytestmark = pytest.mark.docker

DOCKERFILE = f"""
FROM {BASE_IMAGE}
LABEL com.ror.vendor="nobody" com.ror.conda.env.name="workflow"
RUN ln -s /usr/bin/python3 /usr/local/bin/python
COPY entrypoint.sh stub.* select.* /root/
RUN chmod 755 /root /root/*
WORKDIR /root
ENTRYPOINT ["/root/entrypoint.sh"]
"""
ENTRYPOINT = """#!/bin/bash
words="$@ /output"
echo "run $words" > /output/stub_command.log
eval $words
"""
STUB_PY = """
import json, os, sys
data, output = sys.argv[1:3]
found = json.load(open(data + "/descr.json"))[0]
found["images"] = {
    "record_id": found["PatientID"],
    "event_name": found["ReferringPhysician"],
    "field_name": "images",
    "value": len(os.listdir(data + "/input")) * json.loads(os.environ["ROR_CONT_OPTIONS"])["--factor"],
}
found["shape_x"] = 16
json.dump(found, open(output + "/output.json", "w"))
"""
STUB_SH = """
record=$(grep -m1 '"PatientID"' "$1"/descr.json | cut -d'"' -f4)
images=$(ls "$1"/input | wc -l)
echo "[{\\"record_id\\": \\"$record\\", \\"field_name\\": \\"images\\", \\"value\\": \\"$images\\"}]" > "$2"/output.json
"""
SELECT = "Select series from study where Modality = CT"


def image(client: docker.DockerClient, name: str, **files: str) -> str:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        named = {path.replace("_", "."): content for path, content in files.items()}
        for path, content in {"Dockerfile": DOCKERFILE, "entrypoint.sh": ENTRYPOINT, **named}.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    context.seek(0)
    client.images.build(fileobj=context, custom_context=True, tag=name, network_mode="none")
    return name


def package(folder: Path, **statement: object) -> str:
    folder.mkdir()
    (folder / "select.statement").write_text(json.dumps({"select": SELECT, **statement}))
    return str(folder)


def saved(client: docker.DockerClient, name: str, archive: Path) -> str:
    """By ``docker save``, and the image removed, as it is on another machine."""
    with archive.open("wb") as file:
        file.writelines(client.images.get(name).save(named=True))
    client.images.remove(name)
    return str(archive)


@pytest.fixture
def client(docker_host: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[docker.DockerClient]:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    client = docker.DockerClient(base_url=docker_host)
    yield client
    client.close()


def test_packages_of_the_ancestors_templates_run_and_are_measured(
    installation: Installation, client: docker.DockerClient, tmp_path: Path
) -> None:
    installation.configure("docker", settle_seconds=0.5, base_image=BASE_IMAGE)
    installation.ror("workflow", "disable", "box", "--project", "lungs")
    installation.ror("project", "change", "lungs", "--clear", "pacs")
    python = image(client, "ancestor-python:1", stub_py=STUB_PY)
    # One brings its statement in the image, which is all that there is of it.
    of_bash = {
        "select": SELECT,
        "docker_image": "bash-stub:1",
        "ROR_CONT_OPTIONS": "",
        "call": "bash ./stub.sh {}",
    }
    bash = image(client, "bash-stub:1", stub_sh=STUB_SH, select_statement=json.dumps(of_bash))
    for source in (
        package(tmp_path / "Python stub", docker_image=python, ROR_CONT_OPTIONS='{"--factor": 7}'),
        saved(client, bash, tmp_path / "image.tar"),
    ):
        installation.ror("workflow", "add", source, "--project", "lungs")
    with Serving(installation) as serving:
        send(serving.peer, small_ct(tmp_path / "ct"))
        eventually(
            lambda: list(serving.jobs().values()) == ["succeeded"] * 2,
            lambda: f"jobs: {serving.jobs()}\n{serving.log.read_text()[-4000:]}",
        )
    measured = {
        (row["workflow"], row["field_name"]): row["value"] for row in installation.ask("measurements", "list")
    }
    assert measured == {("python_stub", "images"): "56", ("bash_stub", "images"): "8"}
    calls = {file.read_text() for file in installation.home.glob("jobs/*/output/stub_command.log")}
    assert calls == {"run python ./stub.py /data /output\n", "run bash ./stub.sh /data /output\n"}


def test_an_image_that_is_nowhere_is_told_in_two_lines(
    installation: Installation, client: docker.DockerClient, tmp_path: Path
) -> None:
    installation.configure("docker", base_image=BASE_IMAGE)
    with pytest.raises(CommandFailed) as refused:
        installation.ror(
            "workflow", "add", package(tmp_path / "old", docker_image="nosuch/image:1"), "--project", "lungs"
        )
    what, advice = str(refused.value).splitlines()
    assert "the image nosuch/image:1 is not on this machine and cannot be pulled" in what
    assert "docker load it here" in advice
