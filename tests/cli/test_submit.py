"""`ror submit`: a workflow from a laptop to a real `ror serve`, and its first job told until it ends."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import socket
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from examples.demo.service import Installation
from orthanc import free_port, send
from ror.app import App
from ror.develop.submitting import JobTold, Server, Submitted, followed
from ror.registry import Project, Right
from tests.cli.test_commands import Home
from tests.support.docker_daemon import BASE_IMAGE
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct

WEB = """[web]
enabled = true
port = {port}
max_package_mib = 1
max_image_mib = {max_image_mib}
unsandboxed_submissions = true
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "laptop")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Serving, str, str]]:
    """A service that holds a settled study, its address, and a token that may submit."""
    with serving_by(tmp_path, "process") as served:
        yield served


@contextmanager
def serving_by(tmp_path: Path, runtime: str, max_image_mib: int = 1) -> Iterator[tuple[Serving, str, str]]:
    installation, port = Installation(tmp_path / "server"), free_port()
    installation.configure(runtime, settle_seconds=0.1, base_image=BASE_IMAGE)
    with (installation.home / "ror.toml").open("a") as settings:
        settings.write(WEB.format(port=port, max_image_mib=max_image_mib))
    with closing(App(installation.home)) as app:
        app.projects.add(Project("lungs"))
        token = app.tokens.add("developer", "lungs", frozenset({Right.SUBMIT}))
    installation.ror("route", "add", "lungs", "--from", "*")
    with Serving(installation) as serving:
        send(serving.peer, small_ct(tmp_path / "ct"))
        eventually(lambda: serving.rows("SELECT 1 FROM studies WHERE state = 'matched'"))
        yield serving, f"http://127.0.0.1:{port}", token


def test_a_workflow_is_sent_and_its_first_job_told_until_it_ends(
    served: tuple[Serving, str, str], home: Home, folder: Path
) -> None:
    serving, url, token = served
    home.good("config", "--server", url, "--token", token)
    said = home.ror("submit", "--match")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert "1 job of studies that are held" in lines
    assert lines[-1].endswith(": succeeded")
    (job,) = serving.jobs()
    assert lines[-1] == f"job {job}: succeeded"
    events = serving.installation.ask("audit", "list")
    assert [one["action"] for one in events].count("submit workflow") == 1
    assert token not in said.out + said.err + json.dumps(events) + serving.log.read_text()
    # The same once more installs nothing else, and finds the job that is there.
    again = home.ror("submit", "--match", "--follow")
    assert (again.code, "0 jobs of studies" in again.out, lines[-1] in again.out) == (0, True, True)
    assert home.good("submit", "--match").splitlines()[-1] == f"they have theirs already: {lines[-1]}"
    # Of a program that fails, the server says why.
    (folder / "box.py").write_text("raise SystemExit('no model here')")
    refused = home.ror("submit")
    assert (refused.code, "raise `version` in workflow.toml" in refused.err) == (1, True)
    manifest = folder / "workflow.toml"
    manifest.write_text(manifest.read_text().replace('version = "1.0.0"', 'version = "1.0.1"'))
    failed = home.ror("submit", "--match")
    assert (failed.code, "no model here" in failed.out) == (1, True), failed.out + failed.err


def test_a_package_with_faults_is_told_with_all_of_them_before_it_is_sent(home: Home, folder: Path) -> None:
    manifest = folder / "workflow.toml"
    manifest.write_text(
        manifest.read_text().replace("memory_mib = 256", "memory_mib = 0").replace("cpus = 1.0", "cpus = -1")
    )
    said = home.ror("submit", "--server", "http://127.0.0.1:1", "--token-file", token_file(folder))
    assert said.code == 1
    assert "memory_mib" in said.err and "cpus" in said.err


def token_file(folder: Path) -> str:
    file = folder.parent / "token"
    file.write_text("ror_nothing\n")
    return str(file)


def test_what_is_missing_or_cannot_be_reached_is_told(home: Home, folder: Path) -> None:
    said = home.ror("submit")
    assert "--token-file FILE" in said.err and "ror config --server URL --token -" in said.err
    said = home.ror(
        "submit", "--server", f"http://127.0.0.1:{free_port()}", "--token-file", token_file(folder)
    )
    assert (said.code, "nobody answers at http://127.0.0.1:" in said.err) == (1, True)
    assert "ConnectionError" not in said.err and "too large" not in said.err


def test_a_folder_without_a_workflow_and_a_file_without_a_token_are_told(home: Home, folder: Path) -> None:
    said = home.ror("submit", str(folder.parent))
    assert (said.code, "there is no workflow in" in said.err) == (1, True)
    empty = folder.parent / "empty"
    empty.write_text("\n")
    said = home.ror("submit", "--server", "http://127.0.0.1:1", "--token-file", str(empty))
    assert (said.code, f"{empty} has no token in it" in said.err) == (1, True)


def test_a_port_that_speaks_no_http_is_told(home: Home, folder: Path) -> None:
    """As that of DICOM: it closes what it does not understand."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        closer = threading.Thread(target=lambda: listening.accept()[0].close())
        closer.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        said = home.ror("submit", str(folder), "--server", url, "--token-file", token_file(folder))
        closer.join()
    assert (said.code, f"what listens at {url} does not answer as ror serve does" in said.err) == (1, True)
    assert "not that of DICOM" in said.err


def test_a_series_without_a_name_is_told_before_anything_is_sent(home: Home, folder: Path) -> None:
    manifest = folder / "workflow.toml"
    manifest.write_text(re.sub(r'\bon = "\w+"', 'on = "img"', manifest.read_text()))
    said = home.ror("submit", "--server", "http://127.0.0.1:1", "--token-file", token_file(folder))
    assert (said.code, "img is no name in its select statement" in said.err) == (1, True)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (None, "it is no whole .tar or .tar.gz"),
        (("box/box.py", "box/deeper/workflow.toml"), "it has no workflow.toml"),
    ],
    ids=["words", "without a manifest"],
)
def test_what_is_no_archive_of_a_workflow_is_told_before_it_is_sent(
    names: tuple[str, ...] | None, told: str, home: Home, folder: Path
) -> None:
    archive = folder.parent / "box.tar.gz"
    archive.write_text("no archive")
    if names is not None:
        with tarfile.open(archive, "w:gz") as tar:
            for name in names:
                tar.addfile(tarfile.TarInfo(name))
    words = ("--server", "http://127.0.0.1:1", "--token-file", token_file(folder))
    said = home.ror("submit", str(archive), *words)
    assert (said.code, told in said.err, "name a workflow's folder" in said.err) == (1, True, True)


def test_what_is_no_image_of_a_workflow_is_told_before_it_is_sent(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/none.sock")
    archive = folder.parent / "box.tar"
    with tarfile.open(archive, "w") as tar:
        for name in ("blobs/sha256/0123", "index.json", "oci-layout"):
            tar.addfile(tarfile.TarInfo(name))
    words = ("--server", "http://127.0.0.1:1", "--token-file", token_file(folder))
    said = home.ror("submit", str(archive), *words)
    assert (said.code, "box.tar is not the archive of one image" in said.err) == (1, True)
    said = home.ror("submit", "--image", "box:1", *words)
    assert (said.code, "the image box:1 cannot be read: no Docker daemon" in said.err) == (1, True)
    assert home.ror("submit", str(archive), "--image", "box:1", *words).code == 2


def image_archive(path: Path, manifest: str, layer: bytes) -> Path:
    config = {"architecture": "amd64", "config": {"Labels": {"ror.manifest": manifest}}}
    image = {"Config": "0.json", "RepoTags": ["box:1"], "Layers": [f"{'0' * 64}/layer.tar"]}
    with tarfile.open(path, "w") as tar:
        for name, content in (
            (f"{'0' * 64}/layer.tar", layer),
            ("0.json", json.dumps(config).encode()),
            ("manifest.json", json.dumps([image]).encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_an_image_is_refused_before_it_is_sent(
    served: tuple[Serving, str, str], home: Home, folder: Path
) -> None:
    _serving, url, token = served
    home.good("config", "--server", url, "--token", token)
    manifest = (folder / "workflow.toml").read_text()
    said = home.ror("submit", str(image_archive(folder.parent / "small.tar", manifest, b"x")))
    assert (said.code, "runs no images" in said.err, "start Docker there" in said.err) == (1, True, True)
    said = home.ror("submit", str(image_archive(folder.parent / "large.tar", manifest, os.urandom(2**20))))
    assert (said.code, "web.max_image_mib" in said.err) == (1, True)
    wrong = manifest.replace("memory_mib = 256", "memory_mib = 0")
    said = home.ror("submit", str(image_archive(folder.parent / "wrong.tar", wrong, b"x")))
    assert (said.code, "memory_mib" in said.err) == (1, True)
    assert "workflow.toml of the image in wrong.tar: 1 fault" in said.err


@pytest.mark.docker
def test_an_image_that_is_built_is_sent_and_runs(
    home: Home, folder: Path, docker_host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    home.settings(f'[engine]\nbase_image = "{BASE_IMAGE}"\n')
    home.good("build", "--no-trial", "--tag", "a-box:2", "--save", "../box.tar.gz")
    with serving_by(tmp_path, "docker", max_image_mib=512) as (serving, url, token):
        home.good("config", "--server", url, "--token", token)
        said = home.ror("submit", "../box.tar.gz", "--match")
        assert said.code == 0, said.err
        assert "building" not in said.out
        assert said.out.splitlines()[-1].endswith(": succeeded")
        # On the machine itself by its name: the same image is the same package.
        added = serving.installation.ror("workflow", "add", "a-box:2", "--project", "lungs")
        (installed,) = serving.installation.ask("workflow", "list")
        assert installed["digest"] in added


def test_a_package_that_is_too_large_is_told_with_what_to_leave_out(
    served: tuple[Serving, str, str], home: Home, folder: Path
) -> None:
    _serving, url, token = served
    home.good("config", "--server", url, "--token", token)
    with (folder / "zeros").open("wb") as file:
        file.truncate(2**20 + 1)
    said = home.ror("submit")
    assert (said.code, "web.max_package_mib" in said.err) == (1, True)
    assert "is it a ror serve" not in said.err


def test_a_token_that_may_not_is_told_with_what_to_do(
    served: tuple[Serving, str, str], home: Home, folder: Path
) -> None:
    _serving, url, _ = served
    said = home.ror("submit", "--server", url, "--token-file", token_file(folder))
    assert (said.code, "--may submit" in said.err) == (1, True)
    assert "nobody has this token, or not any more" in said.err


def test_an_archive_is_sent_from_anywhere(
    served: tuple[Serving, str, str], home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving, url, token = served
    shutil.make_archive(str(folder.parent / "a-box"), "gztar", folder)
    (folder.parent / "token").write_text(token)
    monkeypatch.chdir(folder.parent)
    assert "there is no workflow in" in home.ror("submit", "--server", url, "--token-file", "token").err
    assert "which server" in home.ror("submit", "a-box.tar.gz").err
    home.good("submit", "a-box.tar.gz", "--server", url, "--token-file", "token")
    (installed,) = serving.installation.ask("workflow", "list")
    assert (installed["name"], installed["state"]) == ("box", "current")
    assert {one.name for one in folder.parent.iterdir()} >= {"token", "a-box.tar.gz"}
    assert not (folder.parent / ".ror").exists()


def test_a_token_on_its_way_in_plain_text_is_warned_of() -> None:
    for url, overheard in (
        ("http://127.0.0.1:8104", False),
        ("http://localhost:8104", False),
        ("https://ror.example.org", False),
        ("http://ror.example.org", True),
        ("http://10.0.0.7:8104", True),
    ):
        assert Server(url, "t").is_overheard is overheard


class Told(Server):
    """Says one thing after another of a job."""

    def __init__(self, *jobs: JobTold | None) -> None:
        super().__init__("http://127.0.0.1", "t")
        self.jobs = list(jobs)

    def first_job(self, submitted: Submitted) -> JobTold | None:
        return self.jobs.pop(0)


def test_a_job_is_told_when_something_has_changed_and_until_it_ends() -> None:
    queued, running = JobTold("j", "queued", "", "waits"), JobTold("j", "running", "execute", "")
    done = JobTold("j", "succeeded", "record", "")
    paused: list[float] = []
    told = followed(
        Told(None, None, queued, queued, running, running, done, None),
        Submitted("lungs", "box", "1", "0123", 0),
        paused.append,
    )
    assert [str(one) for one in told] == [
        "None",
        "job j: queued: waits",
        "job j: running, at execute",
        "job j: succeeded",
    ]
    assert len(paused) == 6
