"""The job folder, for statements of every shape: what a program finds below /data."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.filereader import read_file_meta_info

from ror.app import App
from ror.engine import Stager
from ror.errors import JobFailed
from ror.gateway import Answer, Received, Status
from ror.model import JobFolder
from ror.registry import ANY, Project, Route
from tests.support.studies import small_ct

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"
RULES = """[{"type": "BIG", "id": "9001", "description": "more than a few slices",
           "rules": [{"tag": ["NumImages"], "operator": ">", "value": 6}]}]"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """A home with a project that has a rule of its own for the types of series."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ror.toml").write_text("[listener]\nreserve_mib = 0\n", encoding="utf-8")
    app = App(tmp_path / "home", make=True)
    app.projects.add(Project("lungs", classification=RULES))
    app.routes.add(Route(ANY, ANY, "lungs"))
    yield app
    app.close()


def take_in(app: App, files: tuple[Path, ...]) -> None:
    for file in files:
        meta = read_file_meta_info(file)
        # The data set begins behind the file meta information, whose length is told at its beginning (PS3.10 7.1).
        data = file.read_bytes()[144 + meta.FileMetaInformationGroupLength :]
        received = Received(
            "SCANNER",
            "ROR",
            meta.MediaStorageSOPClassUID,
            meta.MediaStorageSOPInstanceUID,
            meta.TransferSyntaxUID,
            data,
        )
        assert app.intake.receive(received) == Answer(Status.SUCCESS)


def staged(app: App, tmp_path: Path, select: str) -> Path:
    """/data of the one job that a statement makes of what was taken in."""
    package = tmp_path / "package"
    shutil.copytree(BOX, package)
    manifest = (package / "workflow.toml").read_text(encoding="utf-8")
    lines = [line for line in manifest.split("[[outputs")[0].splitlines() if not line.startswith("select")]
    text = "\n".join(lines).replace("[resources]", f"select = '''{select}'''\n[resources]")
    (package / "workflow.toml").write_text(text, encoding="utf-8")
    app.workflows.add("lungs", package)
    app.index.settle(0.0, now=1e12)
    (job_id,) = app.matcher.match_settled()
    folder = JobFolder(tmp_path / "job")
    Stager(app.index, app.home.archive).stage(app.jobs.get(job_id), folder, {}, [])
    return folder.data


def described(data: Path) -> dict[str, dict[str, Any]]:
    """What descr.json says of each name."""
    return {
        one["NameFromSelect"]: one for one in json.loads((data / "descr.json").read_text(encoding="utf-8"))
    }


def test_a_series_with_two_names_is_there_once(app: App, tmp_path: Path) -> None:
    take_in(app, small_ct(tmp_path / "one", number=1))
    data = staged(
        app,
        tmp_path,
        "select study where named CT has Modality = CT also where named ANY has NumImages > 1 shared",
    )
    said = described(data)
    assert said["CT"]["SeriesInstanceUID"] == said["ANY"]["SeriesInstanceUID"]
    assert {one["NumFiles"] for one in said.values()} == {8}
    assert len(list((data / "input").iterdir())) == 8


def test_the_types_of_a_series_are_told_to_the_program(app: App, tmp_path: Path) -> None:
    take_in(app, small_ct(tmp_path / "one", number=1, slices=8))
    take_in(app, small_ct(tmp_path / "two", number=2, slices=4))
    data = staged(
        app,
        tmp_path,
        "select study where named BIG has ClassifyTypes containing BIG "
        "also where named SMALL has not ClassifyTypes containing BIG",
    )
    said = described(data)
    assert "BIG" in said["BIG"]["ClassifyTypes"] and "BIG" not in said["SMALL"]["ClassifyTypes"]


def test_the_closest_series_of_another_study_is_laid_out_with_its_own(app: App, tmp_path: Path) -> None:
    take_in(app, small_ct(tmp_path / "one", number=1, slices=8))
    take_in(app, small_ct(tmp_path / "two", number=2, slices=4))
    data = staged(
        app,
        tmp_path,
        "select series where named BIG has NumImages > 6 "
        "also where named NEAR has NumImages < 6 closest to BIG by SeriesNumber",
    )
    assert [(name, one["NumFiles"]) for name, one in described(data).items()] == [("BIG", 8), ("NEAR", 4)]


def test_an_image_without_pixels_is_named_before_a_program_meets_it(app: App, tmp_path: Path) -> None:
    files = small_ct(tmp_path / "one", number=1)
    for file, change in ((files[1], {"PixelData": bytes(100)}), (files[2], {"Rows": None})):
        image = dcmread(file)
        for keyword, value in change.items():
            setattr(image, keyword, value)
        image.save_as(file)
    take_in(app, files)
    with pytest.raises(JobFailed) as failed:
        staged(app, tmp_path, "select series where named CT has Modality = CT")
    held = {dcmread(file).SOPInstanceUID for file in app.home.archive.rglob("*.dcm")}
    (named,) = re.findall(r"^image (\S+) of series CT cannot be read: it has ", str(failed.value))
    assert named in held
    assert str(failed.value).endswith(", nor can 1 more of 8")
