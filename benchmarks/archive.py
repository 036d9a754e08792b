"""A made archive of any size: patients with several studies over ten years, as scanners of three vendors describe them.

It is the same for the same number of series, comes study by study in the order of arrival, and is never held in memory.
"""

from __future__ import annotations

import itertools
import random
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from select_lang import Series

__all__ = ["PROJECT", "studies"]

PROJECT = "bench"
_SEED = 7267
_SERIES_A_PATIENT = 20
_FIRST_DAY, _DAYS = date(2014, 1, 1), 3652
_TAILS = 1000


_SCANNERS: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("scanners.toml").read_text(encoding="utf-8")
)


def studies(count: int) -> Iterator[list[Series]]:
    """Studies of so many series together: 20 series for 3 studies, and 3 studies for each patient, on average."""
    random_numbers = random.Random(_SEED)
    made = 0
    # A study has 6.7 series; the few visits that are left over are not asked for.
    for when, patient in _visits(random_numbers, count // 6 + 10, max(1, count // _SERIES_A_PATIENT)):
        series = list(itertools.islice(_study(random_numbers, when, patient), count - made))
        made += len(series)
        yield series
        if made == count:
            return
    raise AssertionError("there were too few visits for so many series")


def _visits(random_numbers: random.Random, count: int, patients: int) -> list[tuple[date, int]]:
    days = sorted(random_numbers.randrange(_DAYS) for _ in range(count))
    return [(_FIRST_DAY + timedelta(day), random_numbers.randrange(patients)) for day in days]


def _study(random_numbers: random.Random, when: date, patient: int) -> Iterator[Series]:
    exams, vendors, kinds = (_SCANNERS[name] for name in ("exams", "vendors", "kinds"))
    exam = random_numbers.choices(exams, [one["weight"] for one in exams])[0]
    vendor = random_numbers.randrange(len(vendors))
    study, patient_id = _uid(random_numbers), f"{random.Random(patient).getrandbits(64):016X}"
    frame, at = _uid(random_numbers), random_numbers.randrange(7 * 3600, 19 * 3600)
    of_study = {
        "StudyDate": when.strftime("%Y%m%d"),
        "StudyTime": _clock(at),
        "AcquisitionDate": when.strftime("%Y%m%d"),
        "Modality": exam["modality"],
        "BodyPartExamined": exam["body_part"],
        "StudyDescription": exam["description"],
        "Manufacturer": vendors[vendor]["manufacturer"],
        "ManufacturerModelName": random_numbers.choice(vendors[vendor]["models"]),
        "SoftwareVersions": f"{vendor}.{random_numbers.randrange(30)}",
        "PatientID": patient_id,
        "PatientSex": "FM"[patient % 2],
        "PatientAge": f"{20 + patient % 60 + when.year - _FIRST_DAY.year:03}Y",
        "PatientPosition": "HFS",
        "StudyInstanceUID": study,
        "SpecificCharacterSet": "ISO_IR 100",
        "BitsAllocated": "16",
        "BitsStored": "12",
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelRepresentation": "0",
        "SamplesPerPixel": "1",
    }
    done = (name for chance, name in exam["kinds"] if random_numbers.random() < chance)
    for number, name in enumerate(done, 1):
        if random_numbers.random() < 0.1:
            frame = _uid(random_numbers)  # the patient was laid down anew
        at += random_numbers.randrange(60, 500)
        yield _series(random_numbers, of_study, kinds[name], vendor, number, frame, at)


def _series(
    random_numbers: random.Random,
    of_study: Mapping[str, str],
    kind: Mapping[str, Any],
    vendor: int,
    number: int,
    frame: str,
    at: int,
) -> Series:
    uid, size = _uid(random_numbers), random_numbers.choice(("256", "320", "512"))
    description = _described(random_numbers, kind["descriptions"][vendor])
    texts = {
        **of_study,
        "SeriesInstanceUID": uid,
        "SeriesNumber": str(number),
        "SeriesDescription": description,
        "ProtocolName": kind["descriptions"][vendor],
        "SeriesTime": _clock(at),
        "AcquisitionTime": _clock(at + 5),
        "FrameOfReferenceUID": frame,
        "AcquisitionNumber": "1",
        "InstanceNumber": "1",
        "Rows": size,
        "Columns": size,
        "SliceLocation": f"{random_numbers.uniform(-150, 150):.4f}",
        "WindowCenter": str(random_numbers.randrange(20, 900)),
        "WindowWidth": str(random_numbers.randrange(40, 1800)),
        "NumImages": str(random_numbers.randint(*kind["images"])),
        "Path": f"{PROJECT}/{of_study['StudyInstanceUID']}/{uid}",
    }
    spacing = f"{220 / int(size):.4f}"
    values = {keyword: (text,) for keyword, text in texts.items()} | {
        "PixelSpacing": (spacing, spacing),
        "ImageOrientationPatient": ("1", "0", "0", "0", "1", "0"),
        "ImagePositionPatient": ("-110", "-110", texts["SliceLocation"]),
        "ClassifyTypes": tuple(kind["types"]),
    }
    for keyword, said in kind["attributes"].items():
        if isinstance(said[0], str):
            values[keyword] = tuple(said)
        else:
            values[keyword] = (f"{random_numbers.uniform(*said):.3g}",)
    return Series(uid, of_study["StudyInstanceUID"], of_study["PatientID"], values)


def _described(random_numbers: random.Random, base: str) -> str:
    """Half as the vendor says; else with what people add: few additions are common, thousands are rare."""
    if random_numbers.random() < 0.5:
        return base
    return f"{base} {min(int(random_numbers.paretovariate(0.5)), _TAILS)}"


def _uid(random_numbers: random.Random) -> str:
    return f"2.25.{random_numbers.getrandbits(127)}"


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}"
