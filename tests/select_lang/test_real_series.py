"""Statements find real series by their real headers."""

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.multival import MultiValue

from select_lang import Series
from tests.select_lang.builders import jobs


def real_series(folder: Path) -> Series:
    files = sorted(folder.iterdir())
    header = dcmread(files[0], stop_before_pixels=True)
    attributes = {
        element.keyword: tuple(
            map(str, element.value if isinstance(element.value, MultiValue) else [element.value])
        )
        for element in header
        if element.keyword and element.VR != "SQ" and not element.is_empty
    }
    attributes["NumImages"] = (str(len(files)),)
    return Series(header.SeriesInstanceUID, header.StudyInstanceUID, header.PatientID, attributes)


FOLDERS = ("mr_brain_t1_dicom", "ct_abdomen_dicom", "ct_head_ge_dicom")


@pytest.mark.parametrize(
    ("statement", "folder"),
    [
        ("where Modality = MR and SliceThickness between 0.5 and 1.2 and NumImages > 150", "mr_brain_t1_dicom"),
        ('where SequenceName containing "tfl" or MRAcquisitionType = 3D', "mr_brain_t1_dicom"),
        ("where Modality = CT and not Manufacturer starts with GE and (0018,0050) = 3", "ct_abdomen_dicom"),
        ("where Modality = CT and GantryDetectorTilt > 18 and GantryDetectorTilt < 19", "ct_head_ge_dicom"),
    ],
)  # fmt: skip
def test_a_statement_finds_one_of_three(real_data, statement, folder):
    catalogue = {name: real_series(real_data / name) for name in FOLDERS}
    assert list(jobs(f"select series {statement}", *catalogue.values())) == [catalogue[folder].uid]
