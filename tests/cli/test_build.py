"""`ror build`: an image that was tried before it is called anything, and an archive that Docker reads."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import urllib.request
from pathlib import Path

import pytest
from docker import DockerClient

from tests.cli.test_commands import Home
from tests.support.docker_daemon import BASE_IMAGE
from tests.support.studies import small_ct


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def docker(home: Home, docker_host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    home.settings(f'[engine]\nbase_image = "{BASE_IMAGE}"\n')


@pytest.mark.docker
@pytest.mark.usefixtures("docker")
def test_the_image_is_built_tried_named_and_saved(home: Home, folder: Path) -> None:
    small_ct(folder.parent / "data")
    home.good("config", "--data", str(folder.parent / "data"))
    out = home.good("build", "--tag", "a-box:1", "--save", "../box.tar.gz")
    assert "a box of 3072 mm3" in out
    assert "PACS would get: SEG-" in out
    (told,) = [line for line in out.splitlines() if line.startswith("a-box:1: ")]
    size, digest = told.removeprefix("a-box:1: ").split(" MB, ")
    assert int(size) > 10
    with tarfile.open(
        fileobj=io.BytesIO(gzip.decompress((folder.parent / "box.tar.gz").read_bytes()))
    ) as saved:
        member = saved.extractfile("manifest.json")
        assert member is not None
        (manifest,) = json.load(member)
    assert manifest["RepoTags"] == ["a-box:1"]
    assert digest.startswith("sha256:")
    assert "a box of 3072 mm3" in home.good("trigger", "--cont", "a-box:1")


@pytest.mark.docker
@pytest.mark.usefixtures("folder")
def test_on_another_base_it_is_built_again(
    home: Home, docker_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one with the updates of its system: an image of before would never get them."""
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    client = DockerClient(docker_host)
    client.images.get(BASE_IMAGE).tag("a-base", "1")
    home.settings('[engine]\nbase_image = "a-base:1"\n')

    def built() -> list[str]:
        home.good("build", "--no-trial", "--tag", "on-a-base:1")
        return list(client.images.get("on-a-base:1").attrs["RootFS"]["Layers"])

    before = built()
    assert built() == before
    newer = io.BytesIO(f"FROM {BASE_IMAGE}\nRUN echo newer > /newer\n".encode())
    client.images.build(fileobj=newer, tag="a-base:1", network_mode="none")
    base = client.images.get("a-base:1").attrs["RootFS"]["Layers"]
    assert built()[: len(base)] == base
    assert before[: len(base)] != base


@pytest.mark.docker
@pytest.mark.usefixtures("docker")
def test_an_image_that_fails_on_its_trial_is_told_and_not_saved(home: Home, folder: Path) -> None:
    small_ct(folder.parent / "data")
    home.good("config", "--data", str(folder.parent / "data"))
    home.good("config", "--call", "python3 -c 'import no_such_module'")
    said = home.ror("build", "--save", str(folder.parent / "box.tar.gz"))
    assert said.code == 1
    assert "No module named 'no_such_module'" in said.err
    assert not (folder.parent / "box.tar.gz").exists()
    assert "MB, sha256:" in home.good("build", "--no-trial")


@pytest.mark.docker
@pytest.mark.usefixtures("docker", "folder")
def test_the_image_is_pushed_under_its_name_there(home: Home, registry: str) -> None:
    out = home.good("build", "--no-trial", "--push-to", f"http://{registry}")
    (pushed,) = [line for line in out.splitlines() if line.startswith("pushed: ")]
    assert pushed.startswith(f"pushed: {registry}/box:1.0.0, sha256:")
    with urllib.request.urlopen(f"http://{registry}/v2/box/tags/list") as answer:
        assert json.load(answer) == {"name": "box", "tags": ["1.0.0"]}
    out = home.good("build", "--no-trial", "--push-to", f"{registry}/models/mine:2")
    assert f"next: ror trigger --cont {registry}/models/mine:2" in out
    with urllib.request.urlopen(f"http://{registry}/v2/models/mine/tags/list") as answer:
        assert json.load(answer)["tags"] == ["2"]


@pytest.mark.docker
@pytest.mark.usefixtures("docker", "folder")
def test_a_registry_that_is_not_there_is_told(home: Home) -> None:
    said = home.ror("build", "--no-trial", "--push-to", "127.0.0.1:9")
    assert said.code == 1
    assert "127.0.0.1:9/box:1.0.0 cannot be pushed: " in said.err
    assert "docker login 127.0.0.1:9" in said.err


@pytest.mark.parametrize("tag", ["Not A Name", "BRIGHT", "bright:", "bright:a b", "/bright", "a//b"])
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_meant_is_told_before_anything_is_built(tag: str, home: Home) -> None:
    said = home.ror("build", "--no-trial", "--tag", tag)
    assert (said.code, f"an image cannot be called {tag}" in said.err, said.out) == (1, True, "")


@pytest.mark.parametrize("registry", ["models", "models/mine:2", "https://models/", "/mine"])
@pytest.mark.usefixtures("folder")
def test_a_registry_without_a_host_is_not_taken_for_docker_hub(registry: str, home: Home) -> None:
    said = home.ror("build", "--no-trial", "--push-to", registry)
    assert (said.code, f"--push-to {registry} names no host" in said.err) == (1, True)
    assert "building" not in said.out


def test_it_asks_for_data_and_docker_before_anything_is_built(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/none.sock")
    assert "there is no data to try the image on" in home.ror("build").err
    assert "nothing can be built here" in home.ror("build", "--no-trial").err
    assert "the archive is a .tar.gz" in home.ror("build", "--no-trial", "--save", "../box.zip").err
    assert "part of the next image" in home.ror("build", "--no-trial", "--save", "box.tar.gz").err
    (folder.parent / "taken.tar.gz").mkdir()
    for place in ("nowhere/box.tar.gz", "taken.tar.gz"):
        said = home.ror("build", "--no-trial", "--save", str(folder.parent / place))
        assert (said.code, "cannot be written" in said.err) == (1, True)
