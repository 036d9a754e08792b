"""A viewer of others in a real browser draws a mask and stores it here: a correction, valid again, every voxel."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from examples import viewer
from orthanc import free_port
from ror.app import App
from ror.db import tables
from ror.model import Job, JobSeries, JobState
from ror.registry import Right
from ror.results import MadeObject, SourceSeries
from ror.results.labels import read_labels
from tests.results.samples import check_with_dciodvfy, write_mask
from tests.web.browser import browsing, needs_chromium, pages
from tests.web.conftest import multipart, serving_at
from tests.web.test_viewer import ct

BOX = Path(__file__).parent.parent / "support" / "packages" / "box"
_FOLDER = viewer.CACHE / viewer.VERSION
_PATIENCE_SECONDS = 60  # with a browser on a busy machine
# When the viewport shows more than black: a new segmentation, a box that is wider from image to image, and *store*.
_DRAWS = """
const say = (said) => fetch(SAID, {method: "POST", mode: "no-cors", body: JSON.stringify(said)});
async function draw(viewportId) {
    await window.commandsManager.run("createLabelmapForViewport", {viewportId, options: {}});
    const {segmentationService} = window.services;
    const [{segmentationId, representationData}] = segmentationService.getSegmentations();
    segmentationService.setSegmentLabel(segmentationId, 1, "Box");
    const drawn = representationData.Labelmap.imageIds.map((id) => window.cornerstone.cache.getImage(id));
    // It stores nothing before all images are here.
    const {imageLoader} = window.cornerstone;
    await Promise.all(drawn.map((image) => imageLoader.loadAndCacheImage(image.referencedImageId)));
    drawn.forEach((image, k) => {
        const voxels = image.voxelManager.getScalarData();
        for (let row = 4; row < 12; row++)
            for (let column = 4; column < 8 + k; column++) voxels[row * image.columns + column] = 1;
    });
    const options = {SeriesDescription: "Research Derived series"};
    const made = await window.commandsManager.run("generateSegmentation", {segmentationId, options});
    await window.extensionManager.getActiveDataSource()[0].store.dicom(made.dataset);
}
const looking = setInterval(() => {
    const canvas = document.querySelector("canvas.cornerstone-canvas");
    const viewportId = window.services?.viewportGridService.getActiveViewportId();
    if (!canvas || !window.cornerstone || !viewportId) return;
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    if (new Set(pixels.filter((_, at) => at % 4 == 0)).size < 8) return;
    // What is drawn may still be a picture of the list of series.
    const [shown] = window.services.viewportGridService.getDisplaySetsUIDsForViewport(viewportId) ?? [];
    if (!shown || !window.services.displaySetService.getDisplaySetByUID(shown).imageIds) return;
    clearInterval(looking);
    draw(viewportId).then(() => say("stored"), (error) => say(String(error.stack)));
}, 250);
"""


def job_in_review(app: App, series: SourceSeries) -> Job:
    """A job of the workflow `box` whose results wait: its mask is a voxel."""
    workflow = app.workflows.add("lungs", BOX)
    of = JobSeries("CT", series.series_instance_uid, series.study_instance_uid, "c")
    known = series.patient_id, series.study_instance_uid
    job = Job("box-1", "lungs", "box", "1.0.0", workflow.digest, *known, "k", (of,), JobState.QUEUED)
    with app.database.write() as connection:
        app.jobs.create(connection, job)
        step = {"job_id": job.id, "step": "execute", "started_at": 0.0, "ended_at": 1.0, "detail": ""}
        connection.execute(tables.job_steps.insert().values(step))
    folder, labels = app.home.job(job.id), np.zeros(series.grid.shape, np.uint8)
    labels[2, 6, 6] = 1
    write_mask(labels, series, folder.output / "mask" / "box.nii.gz")
    row = {"field_name": "box_volume", "value": 48.0}
    (folder.output / "output.json").write_text(json.dumps([row]))
    folder.data.mkdir()
    staged = [{"name": "CT", "files": [str(file) for file in series.files]}]
    (folder.data / "job.json").write_text(json.dumps({"series": staged}))
    app.ledger.set_made(job.id, [MadeObject("2.25.1", "SEG", "1.2", "2.25.2", job.study_uid, "seg.dcm")])
    for state in (JobState.RUNNING, JobState.REVIEW):
        assert app.jobs.move(job.id, state)
    return job


@pytest.mark.slow
@needs_chromium
@pytest.mark.skipif(not _FOLDER.is_dir(), reason="`make viewer` fetches OHIF by npm")
def test_what_is_drawn_in_ohif_takes_the_place_of_the_mask(tmp_path: Path, migrated_sqlite: Path) -> None:
    port = free_port()
    with ExitStack() as stack:
        settings = f'allowed_origins = ["http://127.0.0.1:{port}"]'
        web = stack.enter_context(serving_at(tmp_path, migrated_sqlite, settings, _PATIENCE_SECONDS))
        reader = web.app.tokens.add("reader", "lungs", frozenset({Right.READ, Right.STORE}))
        assert web.post(multipart(*ct(tmp_path / "ct"))).status_code == 200
        (study,) = (one.study_uid for one in web.app.index.studies("lungs"))
        files = [web.app.home.archive / one.path for one in web.app.index.study_instances(study)]
        series: Any = SourceSeries.read("CT", files)
        job = job_in_review(web.app, series)
        told = stack.enter_context(pages())
        script = viewer.configuration(web.url) + _DRAWS.replace("SAID", json.dumps(told.origin))
        origin = stack.enter_context(viewer.serving(_FOLDER, script, port))
        stack.enter_context(browsing(f"{origin}/viewer?StudyInstanceUIDs={study}#token={reader}"))
        assert told.said() == "stored"
        (version,) = web.app.corrections.of_job(job.id)
        changes = web.app.changes_by([version])
        assert web.app.quarantine.list() == []
    wanted = np.zeros(series.grid.shape, np.uint8)
    for k in range(len(wanted)):  # the viewer has the last image along the normal first
        wanted[len(wanted) - 1 - k, 4:12, 4 : 8 + k] = 1
    assert np.array_equal(read_labels(version.path, series.grid), wanted)
    assert (version.sender, changes) == ("reader", (f"box_volume: 48 became {wanted.sum() * 48.0:g}",))
    check_with_dciodvfy(version.path)
    (segment,) = dcmread(version.path).SegmentSequence
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "85756007"
