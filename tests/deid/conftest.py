"""Folders as they come from hospitals: objects under names of patients, and rubbish between them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.uid import EncapsulatedPDFStorage, MediaStorageDirectoryStorage

from anonymizer import Profile
from ror.deid import Order, OwnSecret
from tests.anonymizer.planted import ROOT, Planted, ct, minimal, mr, part10, rtstruct

SECRET = OwnSecret(b"a secret for these tests only...")
NAME = "QZFILENAME"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def order(source: Path, out: Path) -> Order:
    """Of one process, by the default profile."""
    return Order(source, out, Profile.of(), SECRET, jobs=1)


def make_series(folder: Path, objects: int, *, series: int = 1) -> None:
    """A series of small CT slices, in files that name the patient."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, objects + 1):
        dataset = minimal(
            SOPInstanceUID=f"{ROOT}.4.{series}.{number}",
            SeriesInstanceUID=f"{ROOT}.3.{series}",
            InstanceNumber=str(number),
        )
        (folder / f"{NAME} {number:04d}.dcm").write_bytes(part10(dataset))


def make_mixture(folder: Path) -> list[Planted]:
    """Three objects that can come out, three that cannot, and six files that are none."""
    planted = [ct(), mr(), rtstruct()]
    deep = folder / f"{NAME}^JOHN" / "a" / "b"
    deep.mkdir(parents=True)
    for number, one in enumerate(planted):
        # Each of an own series, study and patient but for its id, as `minimal` has one for all.
        one.dataset.SOPInstanceUID += f".{number}"
        (deep / f"{NAME}_{number}").write_bytes(part10(one.dataset))
    whole = part10(planted[0].dataset)
    (folder / "truncated.dcm").write_bytes(whole[:-5])
    (folder / "no preamble.dcm").write_bytes(whole[132:])
    pdf = minimal(EncapsulatedPDFStorage, SOPInstanceUID=f"{ROOT}.4.90")
    (folder / "letter.dcm").write_bytes(part10(pdf))
    (folder / "DICOMDIR").write_bytes(part10(minimal(MediaStorageDirectoryStorage)))
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "letter.pdf").write_bytes(b"%PDF-1.7 " + bytes(400))
    (folder / "to itself").symlink_to(folder, target_is_directory=True)
    (folder / "elsewhere").symlink_to("/etc/hostname")
    return planted


def tree(folder: Path) -> dict[str, bytes]:
    """All objects of a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*.dcm"))}
