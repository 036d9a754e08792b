"""Objects from folders, ZIPs and media: what comes in, what does not, and that identity touches no disk on the way."""

from __future__ import annotations

import re
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from ror.errors import NotFound, ServiceUnavailable
from ror.gateway import Done, Imported, Outcome, Received, import_objects
from ror.registry import Project
from tests.anonymizer.planted import ROOT, minimal, part10
from tests.gateway.conftest import Gateway
from tests.support.studies import small_ct

# What is taken in, and that both databases hold it, is tested at the intake.
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])

DCMMKDIR = Path("/usr/bin/dcmmkdir")
GOOD = {Outcome.TAKEN_IN: 8}


def counts(imported: Imported) -> dict[Outcome, int]:
    return {one: imported.count(one) for one in Outcome if imported.count(one)}


def taken(gateway: Gateway, path: Path) -> tuple[Imported, list[Done]]:
    told: list[Done] = []
    imported = import_objects(
        path, "lungs", gateway.intake, gateway.completeness, lambda done, _so_far: told.append(done)
    )
    assert imported.files == len(told)
    return imported, told


def zipped(folder: Path, file: Path) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return file


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with a CT series of eight slices."""
    small_ct(tmp_path / "study" / "series")
    return tmp_path / "study"


@pytest.fixture(params=["folder", "zip"])
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Path], Path]:
    """Leaves a folder as it is, or makes a ZIP of it."""
    return lambda folder: folder if request.param == "folder" else zipped(folder, tmp_path / "packed.zip")


def test_all_objects_of_a_folder_or_zip_come_in(
    gateway: Gateway, study: Path, packed: Callable[[Path], Path]
) -> None:
    imported, _told = taken(gateway, packed(study))
    assert counts(imported) == GOOD
    assert imported.all_in
    assert len(gateway.archived()) == 8


def test_its_studies_are_complete_when_an_import_has_ended(gateway: Gateway, study: Path) -> None:
    taken(gateway, study)
    settled = gateway.index.settle(settle_seconds=3600, now=time.time())
    assert list(settled.values()) == ["its import ended"]


def test_the_same_import_again_changes_nothing_and_says_so(
    gateway: Gateway, study: Path, packed: Callable[[Path], Path]
) -> None:
    taken(gateway, study)
    before = gateway.archived()
    imported, _told = taken(gateway, packed(study))
    assert counts(imported) == {Outcome.HELD: 8}
    assert imported.all_in
    assert gateway.archived() == before


def test_one_file_can_be_imported(gateway: Gateway, study: Path) -> None:
    imported, told = taken(gateway, next((study / "series").iterdir()))
    assert counts(imported) == {Outcome.TAKEN_IN: 1}
    assert "/" not in told[0].name


def test_an_object_is_the_same_whether_it_was_sent_or_imported(gateway: Gateway, study: Path) -> None:
    taken(gateway, study)
    for file in (study / "series").iterdir():
        answer = gateway.intake.receive(Received.from_file(file.read_bytes(), "SCANNER"))
        assert answer.held


def test_what_is_no_object_is_counted_by_what_it_is(
    gateway: Gateway, study: Path, packed: Callable[[Path], Path]
) -> None:
    (study / "letter.pdf").write_bytes(b"%PDF-1.7" + bytes(200))
    (study / "empty").touch()
    zipped(study / "series", study / "more.zip")
    imported, _told = taken(gateway, packed(study))
    assert counts(imported) == GOOD | {Outcome.SKIPPED: 3}
    assert imported.reasons(Outcome.SKIPPED) == {"not_dicom": 1, "empty": 1, "zip_in_it": 1}
    assert imported.all_in


def test_objects_that_cannot_be_read_or_taken_in_are_counted_by_why(
    gateway: Gateway, tmp_path: Path, packed: Callable[[Path], Path]
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    whole = part10(minimal())
    (folder / "cut").write_bytes(whole[:-5])
    (folder / "bare").write_bytes(b"\x08\x00" + whole[146:])
    (folder / "meta").write_bytes(whole[:160])
    imported, _told = taken(gateway, packed(folder))
    assert imported.reasons(Outcome.QUARANTINED) == {"truncated": 1}
    assert imported.reasons(Outcome.REFUSED) == {"not_part10": 1, "file_meta": 1}
    assert not imported.all_in
    (held,) = gateway.quarantine.list()
    assert (held.calling_ae, held.project, held.reason) == ("IMPORT", "lungs", "truncated")


def test_links_are_told_and_not_followed(gateway: Gateway, study: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "one").write_bytes(part10(minimal()))
    (study / "link").symlink_to(tmp_path / "elsewhere")
    (study / "round").symlink_to(study)
    imported, _told = taken(gateway, study)
    assert counts(imported) == GOOD | {Outcome.SKIPPED: 2}


def test_identified_bytes_touch_no_disk_but_in_quarantine(
    gateway: Gateway, study: Path, tmp_path: Path, packed: Callable[[Path], Path]
) -> None:
    (patient,) = {str(dcmread(file).PatientID) for file in (study / "series").iterdir()}
    taken(gateway, packed(study))
    assert not [path for path in gateway.archived() if patient in path]
    assert all(patient.encode() not in data for data in gateway.archived().values())
    assert not list((gateway.folder / "quarantine").iterdir())


def test_an_archive_that_takes_nothing_stops_the_import_with_advice(
    build: Callable[..., Gateway], study: Path
) -> None:
    full = build(reserve_mib=10**9)
    full.projects.add(Project("lungs"))
    with pytest.raises(ServiceUnavailable, match="disk reserve reached") as told:
        taken(full, study)
    assert "run the same command again" in told.value.advice
    assert not full.archived()


# -- ZIPs -------------------------------------------------------------------------------------------------------------


def test_names_of_members_lead_nowhere(gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "slip" / "evil.zip"
    file.parent.mkdir()
    with zipfile.ZipFile(file, "w") as archive:
        for number, name in enumerate(("../../up.dcm", "/tmp/root.dcm", "a/../../b.dcm", "C:\\x.dcm")):
            archive.writestr(name, part10(minimal(SOPInstanceUID=f"{ROOT}.4.{number}")))
    before = {path for path in tmp_path.rglob("*") if "archive" not in path.parts}
    imported, _told = taken(gateway, file)
    assert counts(imported) == {Outcome.TAKEN_IN: 4}
    after = {path for path in tmp_path.rglob("*") if "archive" not in path.parts}
    assert {path.name for path in after - before} <= {"ror.sqlite-wal", "ror.sqlite-shm"}
    assert all(len(Path(name).parts) == 4 for name in gateway.archived())


def test_a_bomb_is_not_inflated(gateway: Gateway, tmp_path: Path) -> None:
    """A member that says it inflates to 4 GiB is not read beyond what it is; one that is no DICOM, not at all."""
    file = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("one", bytes(128) + b"DICM")
        archive.writestr("two", bytes(1000))
    # What a member inflates to is said in the directory, 24 bytes into each entry; no more is ever read.
    data = bytearray(file.read_bytes())
    at = data.index(b"PK\1\2")
    data[at + 24 : at + 28] = (2**32 - 2).to_bytes(4, "little")
    file.write_bytes(data)
    imported, told = taken(gateway, file)
    assert [(one.outcome, one.reason) for one in told if one.name == "two"] == [
        (Outcome.SKIPPED, "not_dicom")
    ]
    assert [one.outcome for one in told if one.name == "one"] == [Outcome.REFUSED]
    assert not imported.all_in


def test_an_encrypted_or_damaged_member_is_told_and_the_others_come_in(
    gateway: Gateway, study: Path, tmp_path: Path
) -> None:
    file = zipped(study, tmp_path / "study.zip")
    data = bytearray(file.read_bytes())
    first, second = [found.start() for found in re.finditer(b"PK\1\2", data)][-2:]
    data[first + 8] |= 1  # general purpose bit 0: encrypted
    data[second + 16] ^= 0xFF  # its CRC
    file.write_bytes(data)
    imported, _told = taken(gateway, file)
    assert imported.reasons(Outcome.REFUSED) == {"encrypted": 1, "damaged": 1}
    assert imported.count(Outcome.TAKEN_IN) == 6


def test_a_zip_that_is_cut_short_is_no_zip(gateway: Gateway, study: Path, tmp_path: Path) -> None:
    file = zipped(study, tmp_path / "study.zip")
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(NotFound, match="no ZIP that can be read"):
        taken(gateway, file)


def test_nothing_there_is_told(gateway: Gateway, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is nothing at"):
        taken(gateway, tmp_path / "nowhere")


# -- media ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def medium(study: Path) -> Path:
    """A folder with a DICOMDIR over eight files, as dcmtk makes it."""
    if not DCMMKDIR.exists():
        pytest.skip("no medium is made: dcmtk is not installed (apt-get install dcmtk)")
    for number, file in enumerate(sorted((study / "series").iterdir())):
        file.rename(study / f"IM{number}")
    (study / "series").rmdir()
    subprocess.run([DCMMKDIR, "+id", ".", "+r", "+D", "DICOMDIR"], cwd=study, check=True, capture_output=True)
    return study


def test_a_medium_comes_in_and_its_directory_is_no_object(
    gateway: Gateway, medium: Path, packed: Callable[[Path], Path]
) -> None:
    imported, _told = taken(gateway, packed(medium))
    assert counts(imported) == GOOD | {Outcome.SKIPPED: 1}
    assert imported.reasons(Outcome.SKIPPED) == {"media_directory": 1}
    assert imported.all_in


def test_what_the_directory_names_and_is_not_there_is_told(
    gateway: Gateway, medium: Path, packed: Callable[[Path], Path]
) -> None:
    (medium / "IM3").unlink()
    imported, told = taken(gateway, packed(medium))
    assert imported.reasons(Outcome.REFUSED) == {"missing": 1}
    assert [one.name for one in told if one.reason == "missing"] == ["IM3"]
    assert not imported.all_in


def test_what_the_directory_does_not_name_comes_in_too(gateway: Gateway, medium: Path) -> None:
    (medium / "unnamed").write_bytes(part10(minimal()))
    imported, _told = taken(gateway, medium)
    assert imported.count(Outcome.TAKEN_IN) == 9


@pytest.mark.parametrize("written", ["im3", "IM3.", "IM3.;1", "im3;1"])
def test_names_are_found_as_file_systems_of_media_write_them(
    gateway: Gateway, medium: Path, packed: Callable[[Path], Path], written: str
) -> None:
    (medium / "IM3").rename(medium / written)
    imported, _told = taken(gateway, packed(medium))
    assert imported.all_in


def test_a_directory_that_leads_outside_opens_nothing_there(
    gateway: Gateway, medium: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "IM9"
    outside.write_bytes(part10(minimal()))
    directory = dcmread(medium / "DICOMDIR")
    for record in directory.DirectoryRecordSequence:
        if "ReferencedFileID" in record and record.ReferencedFileID == "IM3":
            record.ReferencedFileID = ["..", "IM9"]
    directory.save_as(medium / "DICOMDIR")
    imported, _told = taken(gateway, medium)
    assert imported.count(Outcome.TAKEN_IN) == 8
    assert imported.reasons(Outcome.REFUSED) == {"missing": 1}


def test_a_damaged_directory_is_told_and_the_objects_come_in(gateway: Gateway, medium: Path) -> None:
    whole = (medium / "DICOMDIR").read_bytes()
    (medium / "DICOMDIR").write_bytes(whole[: len(whole) // 2])
    imported, _told = taken(gateway, medium)
    assert counts(imported) == GOOD | {Outcome.REFUSED: 1}
    assert imported.reasons(Outcome.REFUSED) == {"media_directory_damaged": 1}


def test_a_real_medium_comes_in_with_what_is_missing_on_it(gateway: Gateway) -> None:
    """pydicom's: a directory of several patients, of whose files not all are there."""
    directory = Path(str(get_testdata_file("DICOMDIR")))
    imported, told = taken(gateway, directory.parent)
    missing = {one.name for one in told if one.reason == "missing"}
    named = [
        Path(*record.ReferencedFileID)
        for record in dcmread(directory).DirectoryRecordSequence
        if "ReferencedFileID" in record
    ]
    assert len(named) > 20
    assert missing >= {path.as_posix() for path in named if not (directory.parent / path).exists()}
    assert imported.reasons(Outcome.SKIPPED)["media_directory"] >= 2
