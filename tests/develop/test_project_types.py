"""Each type of project works at once: made, given a phantom, and its first job comes to its results."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import Home
from tests.support.environments import kept_environments, need_torch, python_of

VOLUME_ML = "64.9"
PACKAGES = "lib/python3.*/site-packages"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def kept(home: Home) -> Path:
    return kept_environments(home.folder)


def made(home: Home, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of a kind in the folder that commands are said in; its phantom beside it is what it is tried on."""
    folder = tmp_path / "my_model"
    home.good("init", str(folder), "--type", kind)
    if (folder / "phantom.py").is_file():
        subprocess.run([sys.executable, "phantom.py", "../images"], cwd=folder, check=True)
    monkeypatch.chdir(folder)
    return folder


def output(said: str) -> Path:
    (line,) = [line for line in said.splitlines() if line.startswith("all of it: ")]
    return Path(line.removeprefix("all of it: "))


@pytest.mark.slow
def test_a_notebook_runs_where_nobody_opens_it(
    home: Home, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(home, "notebook", tmp_path, monkeypatch)
    home.good("config", "--data", "../images")
    said = home.good("trigger", "--keep")
    assert "64.9 mL are bright" in said
    assert f'REDCap would get: {{"record_id": "PHANTOM", "bright_volume": "{VOLUME_ML}"}}' in said
    ran = json.loads((output(said) / "output" / "notebook" / "my_model.ipynb").read_text())
    shown = [one.get("data", {}) for cell in ran["cells"] for one in cell.get("outputs", [])]
    assert any("image/png" in one for one in shown)

    # Its own test passes with the packages of its environment.
    (packages, *_) = [one.parent for one in kept.glob(f"*/{PACKAGES}/nbclient")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    # A cell that fails fails the job; the notebook up to there is in its log.
    notebook = json.loads((folder / "my_model.ipynb").read_text())
    notebook["cells"][5]["source"] = "raise ValueError('no model here')"
    (folder / "my_model.ipynb").write_text(json.dumps(notebook))
    failed = home.ror("trigger", "--last")
    assert failed.code == 1
    assert "a cell failed: ValueError: no model here" in failed.err


@pytest.mark.slow
@pytest.mark.usefixtures("kept")
def test_a_monai_bundle_runs_by_its_own_configuration(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_torch()
    python_of(made(home, "monai", tmp_path, monkeypatch), home.folder)
    home.good("config", "--data", "../images")
    said = home.good("trigger")
    assert "1 series for bright_part 0.1.0" in said
    assert f'"bright_volume": "{VOLUME_ML}"' in said
    assert "PACS would get: SEG-" in said


# -- the page of a webapp ---------------------------------------------------------------------------------------------


@contextmanager
def page(folder: Path, home: Home) -> Iterator[str]:
    """The page of a project, served until the block ends; gives its address."""
    server = subprocess.Popen(
        [sys.executable, "web.py", "--port", "0"],
        cwd=folder,
        env=os.environ | {"ROR_HOME": str(home.folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.communicate()


def test_a_port_that_is_taken_is_told_with_how_to_choose_another(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(home, "webapp", tmp_path, monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = [sys.executable, "web.py", "--port", str(port)]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"port {port} cannot be used: ")
    assert done.stderr.endswith("choose another: python web.py --port 8766\n")


def asked(address: str, body: bytes | None = None, **headers: str) -> Any:
    with urllib.request.urlopen(urllib.request.Request(address, body, headers)) as answer:
        return json.loads(answer.read())


@pytest.mark.usefixtures("kept")
def test_the_page_runs_the_workflow_on_images_that_it_is_given(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(home, "webapp", tmp_path, monkeypatch)
    with page(folder, home) as address:
        with urllib.request.urlopen(address) as answer:
            assert b"<h1>my_model</h1>" in answer.read()
        assert asked(f"{address}jobs")["jobs"] == []
        for image in sorted((tmp_path / "images").iterdir()):
            asked(f"{address}image", image.read_bytes())
        assert "24 files" in asked(f"{address}read", b"")["said"]
        (job,) = asked(f"{address}jobs")["jobs"]
        found = asked(f"{address}run/{job[0]['JobID']}", b"")
    assert found["good"], found["said"]
    assert found["results"] == [["bright_volume", VOLUME_ML]]
    ((name, picture),) = found["pictures"]
    assert name == "bright"
    assert picture.startswith("data:image/png;base64,")
    assert len(list((tmp_path / "my_model-data").iterdir())) == 24
    kept = folder / ".ror" / "runs" / "web_output" / "report.json"
    assert kept.is_file()


def test_a_job_that_is_not_there_takes_no_results_away(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(home, "webapp", tmp_path, monkeypatch)
    results = folder / ".ror" / "runs" / "web_output" / "report.json"
    results.parent.mkdir(parents=True)
    results.write_text("of the last run")
    with page(folder, home) as address:
        answered = asked(f"{address}run/7", b"")
    assert (answered["good"], answered["said"]) == (False, "there is no job 7, but 0: read the images again")
    assert results.read_text() == "of the last run"


def test_the_page_answers_nobody_else(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(home, "webapp", tmp_path, monkeypatch)
    with page(folder, home) as address:
        for headers in ({"Host": "somewhere.example"}, {"Origin": "https://somewhere.example"}):
            for path, body in (("jobs", None), ("image", b"x"), ("run/1", b"")):
                with pytest.raises(urllib.error.HTTPError, match="403") as refused:
                    asked(f"{address}{path}", body, **headers)
                refused.value.close()
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            asked(f"{address}run/1;ls", b"")
        refused.value.close()
    assert not (tmp_path / "my_model-data").exists()
