"""The whole path of a brain study: sent as scanners send it, and what comes back held against the implanted tumour."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
import pytest
from job_folder import BRAIN_TUMOR, dice
from numpy.typing import NDArray
from scipy import ndimage

from examples.data import ANATOMIES, GeneratedStudy
from examples.data.raw_brain import Grid, head_scanned, make_raw_brain_mr
from examples.data.scanner import rician
from examples.demo.service import Installation
from tests.support.serving import Serving

SEED = 3102
STORESCU = Path("/usr/bin/storescu")
# Each on a grid of its own, in three planes. Slices of 3 to 5 mm would hide what no path can bring back, and T1wCE lies
# on the very cubes of the head (odd, even, odd), so that the truth is exact.
GRIDS = {
    "T1w": Grid("LPS", (192, 224, 96), (1.0, 1.0, 1.8), 8.0),
    "T2w": Grid("LPS", (224, 256, 96), (0.9, 0.9, 1.8), -5.0),
    "FLAIR": Grid("PIR", (224, 208, 110), (1.0, 1.0, 1.6), -3.0),
    "T1wCE": Grid("PIR", (224, 207, 175), (1.0, 1.0, 1.0)),
}
CORE = (1, 3)
WHOLE = (1, 2, 3)


@pytest.fixture
def serving(tmp_path: Path, network_packages: str) -> Iterator[Serving]:
    """`ror serve` with the workflow, which runs in the tests' own environment: to install its own takes a minute."""
    installation = Installation(tmp_path / "installation")
    installation.configure("process", settle_seconds=2.0)
    package = tmp_path / "brain_tumor"
    shutil.copytree(BRAIN_TUMOR, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "requirements.txt").unlink()
    manifest = package / "workflow.toml"
    command = f'["env", "PYTHONPATH={network_packages}", "{sys.executable}", "brain_tumor.py"]'
    manifest.write_text(manifest.read_text().replace('["python", "brain_tumor.py"]', command))
    installation.ror("project", "add", "brains")
    installation.ror("route", "add", "brains", "--from", "*")
    installation.ror("workflow", "add", str(package), "--project", "brains")
    with Serving(installation) as process:
        yield process


def send_scrambled(study: GeneratedStudy, port: int) -> None:
    """By dcmtk, the files of all four series in one random order."""
    if not STORESCU.exists():
        pytest.skip("dcmtk is not installed")
    files = [str(file) for file in study.files]
    random.Random(1).shuffle(files)
    command = [str(STORESCU), "-aec", "ROR", "127.0.0.1", str(port), *files]
    subprocess.run(command, check=True, env=os.environ | {"TCP_NODELAY": "1"})


def dice_before(part) -> dict[tuple[int, ...], float]:
    """What the same network reaches on the same head as no scanner shows it: cubes of 1 mm, no motion, no skull."""
    head = head_scanned(ANATOMIES["robex"](), SEED)
    brain = ndimage.binary_fill_holes(head.shares.sum(0) > 0.5)
    box = ndimage.find_objects(brain.astype(np.uint8))[0]
    draw = np.random.default_rng(SEED)
    seen = {name: rician(signal, 0.02, draw)[box] * brain[box] for name, signal in head.signals.items()}
    prepared = part("prepare").Prepared(seen, brain[box], None, box, {})
    labels = part("models").find_model(["unet"])(prepared).probabilities.argmax(0)
    return overlaps(labels, head.labels[box])


def overlaps(labels: NDArray[np.integer], truth: NDArray[np.integer]) -> dict[tuple[int, ...], float]:
    return {region: dice(np.isin(labels, region), np.isin(truth, region)) for region in (CORE, WHOLE)}


def on_grid_of(truth: nib.Nifti1Image, seg: Path) -> NDArray[np.uint8]:
    """The segments as labels where DICOM says that they lie, on the voxels of the truth."""
    volume = hd.seg.segread(seg).get_volume(combine_segments=True)
    index = np.stack(np.nonzero(volume.array), 1)
    ras = (volume.affine @ np.c_[index, np.ones(len(index))].T) * [[-1], [-1], [1], [1]]
    place = (np.linalg.inv(truth.affine) @ ras)[:3]
    assert np.abs(place - np.rint(place)).max() < 0.01, "the mask lies on the voxels of T1wCE"
    labels = np.zeros(truth.shape, np.uint8)
    labels[tuple(np.rint(place).astype(int))] = volume.array[tuple(index.T)]
    return labels


@pytest.mark.slow
def test_hardly_anything_of_the_overlap_is_lost_between_scanner_and_segmentation(
    made, serving: Serving, part, tmp_path: Path
) -> None:
    """Skull, motion, grids in three planes, files in no order, de-identified: the SEG lies on T1wCE."""
    study = made(make_raw, SEED)
    send_scrambled(study, serving.port)
    job = serving.installation.ask("jobs", "show", serving.job_that_is("succeeded"))
    (seg,) = (Path(job["folder"]) / "results").glob("SEG-*.dcm")
    truth = nib.load(study.truth)
    after = overlaps(on_grid_of(truth, seg), np.asarray(truth.dataobj))
    serving.stop()
    for region, before in dice_before(part).items():
        assert after[region] >= 0.95 * before, (region, before, after)


def make_raw(out: Path, seed: int) -> GeneratedStudy:
    return make_raw_brain_mr(out, ANATOMIES["robex"](), seed, GRIDS)
