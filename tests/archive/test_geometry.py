"""Slices are put in order by geometry, and what is no regular volume is refused with its reason."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset

from ror.archive.geometry import GeometryMismatch, stack

AXIAL = (1, 0, 0, 0, 1, 0)


def header(position, orientation=AXIAL, spacing=(0.5, 0.25), size=(4, 6), frame="1.2.3") -> Dataset:
    ds = Dataset()
    ds.ImagePositionPatient = [float(value) for value in position]
    ds.ImageOrientationPatient = [float(value) for value in orientation]
    ds.PixelSpacing = list(spacing)
    ds.Rows, ds.Columns = size
    ds.FrameOfReferenceUID = frame
    return ds


def axial(*heights: float) -> list[Dataset]:
    return [header((10, 20, height)) for height in heights]


def rotation(angles) -> np.ndarray:
    a, b, c = angles
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


angle = st.floats(-3.1, 3.1)


@given(
    angles=st.tuples(angle, angle, angle),
    origin=st.tuples(*[st.floats(-500, 500)] * 3),
    slice_mm=st.floats(0.3, 10),
    count=st.integers(2, 30),
    data=st.data(),
)
def test_any_oblique_stack_in_any_order_is_put_in_order(angles, origin, slice_mm, count, data) -> None:
    turn = rotation(angles)
    orientation = [round(value, 6) for value in (*turn[:, 0], *turn[:, 1])]
    normal = np.cross(orientation[:3], orientation[3:])
    places = [np.round(np.array(origin) + k * slice_mm * normal, 3) for k in range(count)]
    shuffled = data.draw(st.permutations(range(count)))

    found = stack([header(places[k], orientation) for k in shuffled])

    assert [shuffled[index] for index in found.order] == list(range(count))
    assert found.shape == (count, 4, 6)
    assert found.spacing_mm == pytest.approx((slice_mm, 0.5, 0.25), abs=2e-3)
    assert found.origin_mm == pytest.approx(tuple(places[0]), abs=1e-6)
    # The affine says where voxels are: column 5, row 3, last slice.
    index = np.array([5, 3, count - 1, 1])
    lps = places[-1] + 5 * 0.25 * turn[:, 0] + 3 * 0.5 * turn[:, 1]
    assert (np.array(found.affine_ras) @ index)[:3] == pytest.approx(lps * (-1, -1, 1), abs=0.02)


def test_neither_instance_number_nor_file_order_decides() -> None:
    images = axial(0, 3, 6)
    for number, image in zip((7, 1, 4), images, strict=True):
        image.InstanceNumber = number
    assert stack([images[2], images[0], images[1]]).order == (1, 2, 0)


def test_positions_rounded_to_a_tenth_of_a_millimetre_are_regular() -> None:
    assert stack(axial(*(round(k * 0.625, 1) for k in range(40)))).spacing_mm[0] == pytest.approx(
        0.625, abs=0.01
    )


def changed(images: list[Dataset], index: int, **attributes) -> list[Dataset]:
    for keyword, value in attributes.items():
        setattr(images[index], keyword, value)
    return images


def without(images: list[Dataset], keyword: str) -> list[Dataset]:
    del images[1][keyword]
    return images


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (axial(0), "at least 2 slices, this series has 1"),
        ([], "at least 2 slices, this series has 0"),
        (
            without(axial(0, 1, 2), "ImagePositionPatient"),
            "ImagePositionPatient is missing or malformed in 1 of 3",
        ),
        (without(axial(0, 1, 2), "ImageOrientationPatient"), "ImageOrientationPatient is missing"),
        (without(axial(0, 1, 2), "PixelSpacing"), "PixelSpacing is missing"),
        (changed(axial(0, 1, 2), 0, ImagePositionPatient=None), "ImagePositionPatient is missing"),
        (changed(axial(0, 1, 2), 0, ImagePositionPatient=[1.0, 2.0]), "ImagePositionPatient is missing"),
        (changed(axial(0, 1, 2), 0, NumberOfFrames=12), "1 of 3 images are multi-frame"),
        (changed(axial(0, 1, 2), 2, ImageOrientationPatient=[1, 0, 0, 0, 0, -1]), "slices are not parallel"),
        (changed(axial(0, 1, 2), 2, Rows=5), "differ in size (rows x columns): 4 x 6, 5 x 6"),
        (changed(axial(0, 1, 2), 2, PixelSpacing=[0.5, 0.3]), "differ in PixelSpacing"),
        (changed(axial(0, 1, 2), 2, FrameOfReferenceUID="1.2.4"), "2 frames of reference"),
        (axial(0, 1, 1, 2), "1 of 4 images lie where another one lies"),
        (axial(0, 1, 2, 4, 5), "unevenly spaced: 1.00 to 2.00 mm (widest between slices 2 and 3"),
        (axial(0, 2), None),
        ([header((0, k * 0.5, k * 2)) for k in range(5)], "gantry tilt of 14.0 degrees"),
        ([header((0, 0, k), (1, 0, 0, 0.5, 0.5, 0)) for k in range(3)], "not two perpendicular unit vectors"),
        ([header((0, 0, k), spacing=(0, 1)) for k in range(3)], "PixelSpacing is not positive"),
    ],
)
def test_what_is_no_regular_volume_is_refused_by_its_reason(images, reason) -> None:
    if reason is None:
        assert stack(images).shape[0] == 2
        return
    with pytest.raises(GeometryMismatch) as refused:
        stack(images)
    assert reason in refused.value.reason


def read(folder: Path) -> list[Dataset]:
    return [dcmread(file, stop_before_pixels=True) for file in sorted(folder.iterdir())]


def test_the_tilted_head_ct_is_refused_for_tilt_and_for_its_distances(real_data: Path) -> None:
    with pytest.raises(GeometryMismatch) as refused:
        stack(read(real_data / "ct_head_ge_dicom"))
    tilt, distances = refused.value.reasons
    assert "gantry tilt of 18.5 degrees" in tilt
    assert "1.08 to 7.00 mm" in distances


def test_a_sagittal_brain_is_a_volume(real_data: Path) -> None:
    found = stack(read(real_data / "mr_brain_t1_dicom"))
    assert found.shape == (192, 256, 256)
    assert found.spacing_mm == pytest.approx((0.9, 0.859375, 0.859375), abs=1e-4)
    # Sagittal: slices go from right to left or back, so the slice axis is along x.
    assert np.abs(np.array(found.affine_ras)[:3, 2]).argmax() == 0


def test_a_jpeg_2000_abdomen_is_a_volume(real_data: Path) -> None:
    assert stack(read(real_data / "ct_abdomen_dicom")).spacing_mm == (2.0, 0.9765625, 0.9765625)
