"""Our segmentations and reports as dcmqi reads them: another library (dcmtk, ITK), and programs of their own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.environment import bin_of
from benchmarks.results.makers import DCMQI_PINNED
from ror.results import SourceSeries, encode, read_outputs, validate, write
from tests.results.conftest import ROWS
from tests.results.samples import AXIAL, OBLIQUE, ct_headers, job_on, write_mask, write_series
from tests.results.test_segmentation_encodings import announcing

PROGRAMS = bin_of(DCMQI_PINNED)
GEOMETRY_MM = 1e-3

pytestmark = pytest.mark.skipif(
    not (PROGRAMS / "segimage2itkimage").exists(),
    reason=f"no dcmqi in {PROGRAMS}: `make bench` installs it",
)


def run(program: str, *words: str | Path) -> None:
    done = subprocess.run([PROGRAMS / program, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def made(tmp_path: Path, series: SourceSeries, mask: NDArray[np.generic], encoding: str) -> tuple[Path, Path]:
    """The files of segmentation and report."""
    job, output = job_on(series), tmp_path / "out"
    write_mask(mask, series, output / "mask" / "abdomen.nii.gz")
    (output / "output.json").write_text(json.dumps(ROWS))
    objects = encode(read_outputs(output, announcing(encoding), job), job)
    validate(objects, job)
    seg, sr, *_ = write(objects, tmp_path / "results")
    return seg, sr


def read_back(seg: Path, folder: Path, series: SourceSeries) -> NDArray[np.int64]:
    """What dcmqi makes of a segmentation, on the grid of its series (slices, rows, columns)."""
    folder.mkdir()
    run("segimage2itkimage", "--inputDICOM", seg, "--outputDirectory", folder, "--prefix", "of", "-t", "nii")
    found = np.zeros(series.grid.shape, np.int64)
    to_index = np.linalg.inv(np.array(series.grid.affine_ras))
    for path in folder.glob("of*.nii.gz"):
        image = nibabel.load(path)
        array = np.asarray(image.dataobj)
        corners = np.array([(0, 0, 0, 1), [*(size - 1 for size in array.shape), 1]], float)
        places = corners @ (to_index @ image.affine).T
        apart = (places - np.rint(places))[:, :3] * np.array(series.grid.spacing_mm[::-1])
        assert np.abs(apart).max() < GEOMETRY_MM
        for index in np.argwhere(array):
            column, row, k = np.rint(to_index @ image.affine @ [*index, 1])[:3].astype(int)
            found[k, row, column] = array[tuple(index)]
    return found


@pytest.mark.parametrize(
    "orientation", [AXIAL, OBLIQUE, (0, 1, 0, 0, 0, -1)], ids=["axial", "oblique", "sagittal"]
)
@pytest.mark.parametrize("encoding", ["binary", "labelmap"])
def test_dcmqi_reads_the_same_labels_at_the_same_places(
    encoding, orientation, tmp_path: Path, labels
) -> None:
    series = SourceSeries.read("CT", write_series(ct_headers(orientation=orientation), tmp_path / "ct"))
    seg, _ = made(tmp_path, series, labels, encoding)
    assert np.array_equal(read_back(seg, tmp_path / "dcmqi", series), labels)


def test_dcmqi_reads_the_same_probabilities(tmp_path: Path, labels) -> None:
    series = SourceSeries.read("CT", write_series(ct_headers(), tmp_path / "ct"))
    chances = np.where(labels == 1, 0.75, np.where(labels == 2, 0.25, 0)).astype(np.float32)
    seg, _ = made(tmp_path, series, chances, "fractional")
    found = read_back(seg, tmp_path / "dcmqi", series)
    assert np.abs(found / 255 - chances).max() <= 0.5 / 255


def test_dcmqi_reads_each_measurement_with_its_segment_and_code(tmp_path: Path, ct, labels) -> None:
    seg, sr = made(tmp_path, ct, labels, "binary")
    run("tid1500reader", "--inputDICOM", sr, "--outputMetadata", tmp_path / "sr.json")
    told = json.loads((tmp_path / "sr.json").read_text(encoding="utf-8"))
    assert (told["CompletionFlag"], told["VerificationFlag"]) == ("COMPLETE", "UNVERIFIED")
    groups = [one for one in told["Measurements"] if "ReferencedSegment" in one]
    assert [one["ReferencedSegment"] for one in groups] == [1, 2]
    assert {one["segmentationSOPInstanceUID"] for one in groups} == {seg.stem.removeprefix("SEG-")}
    assert [one["Finding"]["CodeMeaning"] for one in groups] == ["Spleen", "Liver"]
    values = [item for one in groups for item in one["measurementItems"]]
    assert [float(one["value"]) for one in values] == pytest.approx([14.25, 1 / 3])
    assert {(one["quantity"]["CodeValue"], one["units"]["CodeValue"]) for one in values} == {
        ("118565006", "mL")
    }
    assert {one["measurementAlgorithmIdentification"]["AlgorithmName"] for one in groups} == {"organs"}
