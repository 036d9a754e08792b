"""The shipped rules hold for the headers that they are meant for (cases.txt), and give real series their types."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pydicom import dcmread

import anonymizer
import select_lang
from select_lang import Series
from select_lang.classification import Classifier, shipped_rules
from tests.select_lang.builders import series
from tests.select_lang.test_real_series import real_series

SHIPPED = Classifier.shipped()
ENTRIES = json.loads(shipped_rules())


def described(header: str) -> Series:
    pairs = (pair.split("=", 1) for pair in header.split(" | "))
    return series("1.1", **{keyword.strip(): value.strip() for keyword, value in pairs})


class Case(NamedTuple):
    entry: str
    holds: bool
    header: str

    @property
    def reasons(self) -> set[tuple[str, str]]:
        return {(reason.id, reason.path) for reason in SHIPPED.reasons(described(self.header))}


def lines(file: str) -> list[str]:
    text = Path(__file__).with_name(file).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def cases() -> Iterator[Case]:
    entry = ""
    for line in lines("cases.txt"):
        if line.startswith(("  + ", "  - ")):
            yield Case(entry, line.startswith("  + "), line[4:])
        else:
            entry = line.strip()


CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.entry}: {case.header}")
def test_an_entry_holds_for_the_headers_it_is_meant_for_and_for_no_others(case):
    assert (case.entry in {entry for entry, _ in case.reasons}) is case.holds


@pytest.mark.parametrize(
    ("header", "types"), list(zip(lines("series.txt")[::2], lines("series.txt")[1::2], strict=True))
)
def test_series_of_all_vendors_get_their_types_and_no_others(header, types):
    assert ", ".join(SHIPPED.types(described(header))) == types.removeprefix("  → ")


def test_every_entry_has_a_case_for_and_one_against():
    held = set().union(*(case.reasons for case in CASES if case.holds))
    refused = {case.entry for case in CASES if not case.holds}
    entries = {(entry["id"], f"[{number}]") for number, entry in enumerate(ENTRIES)}
    assert entries - held == set()
    assert {entry for entry, _ in entries} == refused == {case.entry for case in CASES}


def test_every_entry_tells_its_source():
    assert [entry["id"] for entry in ENTRIES if len(entry["description"]) < 8] == []


def test_every_entry_without_a_type_serves_another():
    referred = {rule.get("rule") for entry in ENTRIES for rule in entry["rules"]}
    assert [entry["id"] for entry in ENTRIES if "type" not in entry and entry["id"] not in referred] == []


def test_the_shipped_rules_ask_nothing_that_no_archive_holds():
    assert SHIPPED.warnings == ()


def test_the_types_that_statements_ask_for_are_given():
    asked = "GE SIEMENS PHILIPS mosaic original localizer axial sagittal coronal oblique DIFFUSION ADC T1 T2 FLAIR SWI"
    assert {*asked.split(), "TOF", "BOLD", "RESTING", "FIELDMAP", "PERFUSION", "CONTRAST"} <= set(
        SHIPPED.names
    )


def test_every_type_is_told():
    told = (Path(select_lang.__file__).parent / "README.md").read_text(encoding="utf-8")
    table = told.partition("The types that we ship")[2].partition("\n## ")[0]
    assert set(SHIPPED.names) - set(re.findall(r"\w+", table)) == set()


# What each real series is; names by hand, after looking at the images.
REAL = {
    "mr_brain_t1_dicom": {"SIEMENS", "original", "magnitude", "sagittal", "T1", "HEAD"},
    "ct_abdomen_dicom": {"SIEMENS", "original", "axial", "KERNEL_SOFT", "CONTRAST"},
    "ct_head_ge_dicom": {"GE", "original", "axial", "oblique", "KERNEL_SOFT", "HEAD"},
}


@pytest.mark.parametrize("folder", REAL)
def test_real_series_get_their_types(real_data, folder):
    assert set(SHIPPED.types(real_series(real_data / folder))) == REAL[folder]


def test_de_identification_takes_no_type_but_what_only_the_agent_told(real_data):
    file = min((real_data / "mr_brain_t1_dicom").iterdir())
    header = anonymized(file.read_bytes())
    attributes = {
        one.keyword: tuple(str(one.value).strip("[]").replace("'", "").split(", "))
        for one in header
        if one.keyword and one.VR not in ("SQ", "OW") and not one.is_empty
    }
    assert set(SHIPPED.types(Series("1", "1", "1", attributes))) == REAL["mr_brain_t1_dicom"]


def anonymized(part10: bytes):
    instance = anonymizer.IdentifiedInstance.from_part10(part10)
    key = anonymizer.ProjectKey(b"a key of a test, and of nothing else")
    return anonymizer.deidentify(instance, anonymizer.Profile.of(), key)[0].header()


@pytest.mark.parametrize("number", [0, 1])
def test_a_slice_without_modality_and_manufacturer_still_has_a_plane(real_data, number):
    header = dcmread(real_data / f"ct_chest_slice_{number}.dcm", stop_before_pixels=True)
    orientation = tuple(map(str, header.ImageOrientationPatient))
    found = Series(
        "1", "1", "1", {"ImageOrientationPatient": orientation, "ImageType": tuple(header.ImageType)}
    )
    assert SHIPPED.types(found) == ("original", "axial")
