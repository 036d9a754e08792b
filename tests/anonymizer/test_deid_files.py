"""From file to file: the same objects as in memory, and pixel data that is never loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from planted import ROOT, ct, minimal, mr, part10
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from anonymizer import (
    DeidentificationError,
    Deidentifier,
    IdentifiedInstance,
    Profile,
    ProjectKey,
    Unreadable,
    deidentify,
    fingerprint,
    read_file,
    write_file,
)
from anonymizer.memory import Memory
from anonymizer.stored import StoredValue

KEY = ProjectKey(b"a key for these tests only")
PROFILE = Profile.of()
PIXELS = bytes(range(256)) * 512  # 128 KiB: longer than what is read of a file at first


def image(pixels: bytes = PIXELS, **attributes: object) -> Dataset:
    """An object whose pixel data is no small matter."""
    made = minimal(BurnedInAnnotation="NO", **attributes)
    made.Rows, made.Columns = 256, len(pixels) // 256
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation, made.SamplesPerPixel = 7, 0, 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.add_new(0x7FE00010, "OB", pixels)
    return made


def compressed(frames: int = 3) -> bytes:
    """An object with encapsulated pixel data in fragments."""
    whole = image(encapsulate([PIXELS[: 40_000 + 2 * number] for number in range(frames)]))
    whole["PixelData"].is_undefined_length = True
    return part10(whole, RLELossless)


def long_header() -> bytes:
    """An object whose header is longer than what is read of a file at first."""
    items = [Dataset() for _ in range(4000)]
    for number, item in enumerate(items):
        item.ReferencedSOPInstanceUID = f"1.2.826.0.1.77.8.{number}"
    return part10(image(PIXELS * 8, ReferencedImageSequence=items))


def trailing() -> bytes:
    """An object with something behind its pixel data."""
    whole = image()
    whole.add_new(0xFFFCFFFC, "OB", b"Qzdoe!")
    return part10(whole)


OBJECTS: dict[str, Callable[[], bytes]] = {
    "explicit": lambda: part10(image()),
    "implicit": lambda: part10(image(), ImplicitVRLittleEndian),
    "big endian": lambda: part10(image(), ExplicitVRBigEndian),
    "deflated": lambda: part10(image(), DeflatedExplicitVRLittleEndian),
    "compressed": compressed,
    "long header": long_header,
    "something behind the pixels": trailing,
    "small": lambda: part10(ct().dataset),
    "no pixels": lambda: part10(mr().dataset),
    "zeros at the end": lambda: part10(image()) + bytes(2048),
}


def from_file_to_file(data: bytes, folder: Path) -> bytes:
    source, target = folder / "in.dcm", folder / "out.dcm"
    source.write_bytes(data)
    deidentifier = Deidentifier(PROFILE, KEY)
    research, _ = deidentifier.deidentify(read_file(source, deidentifier.memory))
    write_file(research, target)
    assert research.header() == dcmread(target, stop_before_pixels=True)
    return target.read_bytes()


@pytest.mark.parametrize("name", OBJECTS)
def test_a_file_comes_out_as_the_same_bytes_do_in_memory(name: str, tmp_path: Path) -> None:
    data = OBJECTS[name]()
    research, _ = deidentify(IdentifiedInstance.from_part10(data), PROFILE, KEY)
    assert from_file_to_file(data, tmp_path) == research.to_part10()


@pytest.mark.parametrize(
    "name", ["explicit", "implicit", "compressed", "long header", "something behind the pixels"]
)
def test_pixel_data_stays_in_its_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "in.dcm").write_bytes(OBJECTS[name]())
    instance = read_file(tmp_path / "in.dcm")
    assert instance.data_set.pixels is not None
    assert isinstance(instance.data_set.pixels.value, StoredValue)


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_has_the_same_fingerprint_in_a_file_and_in_memory(name: str, tmp_path: Path) -> None:
    data = OBJECTS[name]()
    (tmp_path / "in.dcm").write_bytes(data)
    in_memory = fingerprint(IdentifiedInstance.from_part10(data), KEY)
    assert fingerprint(read_file(tmp_path / "in.dcm"), KEY) == in_memory


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(OBJECTS)), cut=st.floats(0, 1))
@example(name="compressed", cut=1 - 1e-9)
def test_a_file_cut_short_is_refused_as_its_bytes_are(name: str, cut: float, tmp_path: Path) -> None:
    whole = OBJECTS[name]()
    data = whole[: int(cut * len(whole))]
    try:
        expected = deidentify(IdentifiedInstance.from_part10(data), PROFILE, KEY)[0].to_part10()
    except DeidentificationError as error:
        with pytest.raises(DeidentificationError) as refusal:
            from_file_to_file(data, tmp_path)
        assert (refusal.value.reason, refusal.value.tag) == (error.reason, error.tag)
    else:
        assert from_file_to_file(data, tmp_path) == expected


def test_a_file_that_became_shorter_meanwhile_is_said_to_have(tmp_path: Path) -> None:
    source = tmp_path / "in.dcm"
    source.write_bytes(part10(image()))
    instance = read_file(source)
    os.truncate(source, 50_000)
    research, _ = deidentify(instance, PROFILE, KEY)
    for use in (research.to_part10, lambda: write_file(research, tmp_path / "out.dcm")):
        with pytest.raises(Unreadable, match="shorter"):
            use()


def test_pixels_are_copied_between_file_systems_too(tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system at /dev/shm")
    source, target = tmp_path / "in.dcm", elsewhere / f"ror-test-{os.getpid()}.dcm"
    source.write_bytes(part10(image(), ExplicitVRLittleEndian))
    research, _ = deidentify(read_file(source), PROFILE, KEY)
    try:
        write_file(research, target)
        assert target.read_bytes() == research.to_part10()
    finally:
        target.unlink(missing_ok=True)


_STREAMED = """
import resource, sys
from pathlib import Path
import anonymizer
small, large, target = map(Path, sys.argv[1:])
deidentifier = anonymizer.Deidentifier(anonymizer.Profile.of(), anonymizer.ProjectKey(bytes(range(32))))
def peak(source):
    research, _ = deidentifier.deidentify(anonymizer.read_file(source, deidentifier.memory))
    anonymizer.write_file(research, target)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(-peak(small) + peak(large))
"""


def test_memory_does_not_grow_with_the_pixels(tmp_path: Path) -> None:
    small, large = tmp_path / "small.dcm", tmp_path / "large.dcm"
    small.write_bytes(part10(image()))
    length = 200 * 2**20
    head = part10(image()).removesuffix(PIXELS)
    with large.open("wb") as file:
        file.write(head[:-4] + length.to_bytes(4, "little"))
        file.truncate(len(head) + length)
    command = [sys.executable, "-c", _STREAMED, small, large, tmp_path / "out.dcm"]
    grown_kib = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert (tmp_path / "out.dcm").stat().st_size > length
    assert grown_kib < 10 * 1024


@pytest.mark.parametrize("memory", [None, Memory()], ids=["alone", "with what came before"])
def test_the_length_of_file_meta_information_is_not_believed(memory: Memory | None) -> None:
    right = part10(minimal())
    told = int.from_bytes(right[140:144], "little")
    for wrong in range(told + 64):  # within an element, between two, in the data set, and what is right
        data = right[:140] + wrong.to_bytes(4, "little") + right[144:]
        instance = IdentifiedInstance.from_part10(data, memory)
        assert instance.elements == IdentifiedInstance.from_part10(right).elements
        assert instance.sop_instance_uid == f"{ROOT}.4.1"
