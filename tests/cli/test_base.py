"""`ror base build`: what images are built on, from a registry or from Debian, and with packages."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from ror.develop import base_images
from tests.cli.test_commands import Home
from tests.support.docker_daemon import BASE_IMAGE

NOWHERE = "127.0.0.1:9/no-such-base:1"  # no registry listens there


@pytest.fixture
def client(docker_host: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[docker.DockerClient]:
    """The daemon that commands talk to; base images of ours are gone from it afterwards."""
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    names = [f"ror-base:{kind}" for kind in base_images.BASES]
    client = docker.DockerClient(base_url=docker_host)
    if there := [name for name in names if client.images.list(name)]:
        pytest.skip(f"this Docker daemon has base images that are somebody's: {', '.join(there)}")
    yield client
    for name in names:
        if client.images.list(name):
            client.images.remove(name, force=True)
    client.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.mark.docker
def test_the_base_of_the_settings_is_taken_where_it_is(home: Home, client: docker.DockerClient) -> None:
    home.settings(f'[engine]\nbase_image = "{BASE_IMAGE}"\n')
    told = home.good("base", "build", "slim")
    assert f"on {BASE_IMAGE}, which is on this machine" in told
    assert "next: ror build" in told
    image = client.images.get(BASE_IMAGE)
    assert client.images.get("ror-base:slim").id == image.id
    assert f"ror-base:slim: {image.attrs['Size'] / 1e6:.0f} MB, {image.id}" in told


@pytest.mark.docker
def test_a_debian_is_made_where_no_registry_has_the_base(
    home: Home, client: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("debootstrap needs root")
    home.settings(f'[engine]\nbase_image = "{NOWHERE}"\n')
    # A minute of debootstrap in the place of which stands what it would make.
    fill = 'for root; do :; done; mkdir -p "$root/etc" "$root/proc"; touch "$root/etc/debian" "$root/proc/1"'
    stand_in(tmp_path / "bin" / "debootstrap", f'echo "$@" > {tmp_path}/said\n{fill}\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    told = home.good("base", "build", "slim")
    assert "cannot be pulled" in told
    assert 'next: base_image = "ror-base:slim" in section [engine]' in told
    said = (tmp_path / "said").read_text()
    assert said.startswith("--variant=minbase --include=python3,python3-venv,ca-certificates bookworm ")
    archive = b"".join(client.api.export(client.api.create_container("ror-base:slim", "none")["Id"]))
    assert b"etc/debian" in archive
    assert b"proc/1" not in archive
    for container in client.containers.list(all=True, filters={"ancestor": "ror-base:slim"}):
        container.remove()
    assert [one.name for one in (home.folder / "runtimes" / "docker").glob("tmp*")] == []


@pytest.mark.docker
@pytest.mark.usefixtures("client")
def test_a_debootstrap_that_fails_is_told_with_its_last_line(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("debootstrap needs root")
    home.settings(f'[engine]\nbase_image = "{NOWHERE}"\n')
    stand_in(tmp_path / "bin" / "debootstrap", "echo I: Retrieving\necho E: no way to the mirror\nexit 1\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    said = home.ror("base", "build", "slim")
    assert said.code == 1
    assert "debootstrap has failed: E: no way to the mirror" in said.err


@pytest.mark.docker
def test_packages_of_a_base_are_there_for_workflows_and_not_installed_again(
    home: Home, client: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In the place of torch, which has a gigabyte, something small.
    monkeypatch.setattr(base_images, "_PACKAGES", {"torch-cpu": ("pydicom==3.0.2",)})
    home.settings(f'[engine]\nbase_image = "{BASE_IMAGE}"\n')
    home.good("init", str(tmp_path / "lungs"), "--type", "monai")
    early = home.ror("build", "--no-trial", "--working_directory", str(tmp_path / "lungs"))
    assert early.code == 1
    assert "builds on ror-base:torch-cpu, which is not on this machine" in early.err
    assert "ror base build torch-cpu" in early.err

    told = home.good("base", "build", "torch-cpu")
    assert "next: FROM ror-base:torch-cpu" in told
    stages = client.images.list(all=True, filters={"dangling": True, "label": "ror.stage=base"})
    assert stages == [], "with torch, gigabytes that nothing uses again"
    (tmp_path / "lungs" / "requirements.txt").write_text("pydicom==3.0.2\n")
    built = home.good(
        "build", "--no-trial", "--tag", "lungs:1", "--working_directory", str(tmp_path / "lungs")
    )
    assert "Requirement already satisfied: pydicom==3.0.2 in /opt/base" in built
    where = "import pydicom; print(pydicom.__file__)"
    shown = client.containers.run("lungs:1", ["python", "-c", where], network_mode="none", remove=True)
    assert shown.decode().startswith("/opt/base/")
    client.images.remove("lungs:1", force=True)


def test_without_a_daemon_it_says_what_to_start(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    said = home.ror("base", "build", "slim")
    assert said.code == 1
    assert "nothing can be built here" in said.err
    assert "start Docker" in said.err


def stand_in(program: Path, script: str) -> None:
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}")
    program.chmod(0o755)
    subprocess.run(["sh", "-n", program], check=True)
