"""The same object in another transfer syntax has the same fingerprint, and one changed value gives another."""

from __future__ import annotations

import shutil
import subprocess
from copy import deepcopy
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import ct, minimal, part10
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from anonymizer import IdentifiedInstance, ProjectKey, fingerprint, same_content

KEY = ProjectKey(b"a key for these tests only")
SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
TEXT = st.text("abcXYZ 019^=", max_size=12).map(str.strip)
WORDS = st.binary(max_size=12).map(lambda raw: raw + raw)  # of an even number of bytes
UINTS = {bits: st.integers(0, 2**bits - 1) for bits in (16, 32, 64)}
VALUES = {
    "SeriesDescription": TEXT,
    "ImageComments": TEXT,
    "SliceThickness": st.integers(0, 99).map(str),
    "SeriesNumber": st.integers(-99, 99),
    "Rows": UINTS[16],
    "SmallestImagePixelValue": st.integers(0, 2**15 - 1),
    "SimpleFrameList": st.lists(UINTS[32], min_size=2, max_size=4),
    "ExtendedOffsetTable": UINTS[64].map(lambda number: number.to_bytes(8, "little")),
    "TubeAngle": st.floats(-9, 9),
    "RevolutionTime": st.floats(0, 9),
    "FrameIncrementPointer": st.sampled_from([0x00181063, 0x00181065]),
    "ICCProfile": WORDS,
}
PRIVATE = [("LO", TEXT), ("US", UINTS[16]), ("FD", st.floats(-9, 9)), ("OB", WORDS), ("UN", WORDS)]


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 0) -> Dataset:
    """Attributes of every kind of VR, private ones, and sequences in sequences, standard and private."""
    dataset = Dataset() if depth else minimal()
    for keyword in draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True)):
        setattr(dataset, keyword, draw(VALUES[keyword]))
    block = dataset.private_block(0x0029, "OURS", create=True)
    for number, (vr, values) in enumerate(draw(st.lists(st.sampled_from(PRIVATE), max_size=3))):
        block.add_new(number, vr, draw(values))
    if depth < 2:
        for add in (
            lambda items: setattr(dataset, "ReferencedImageSequence", items),
            lambda items: block.add_new(0x40, "SQ", items),
        ):
            if draw(st.booleans()):
                add(Sequence(draw(st.lists(data_sets(depth + 1), max_size=2))))
    return dataset


def encoded(dataset: Dataset, syntax: str, *, undefined_length: bool = False) -> bytes:
    copy = deepcopy(dataset)
    for element in copy.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = undefined_length
            for item in element.value:
                item.is_undefined_length_sequence_item = undefined_length
        elif element.keyword == "ExtendedOffsetTable" and syntax == ExplicitVRBigEndian:
            element.value = element.value[::-1]  # pydicom leaves the order of these bytes to its user
    return part10(copy, syntax)


def print_of(data: bytes) -> str:
    return fingerprint(IdentifiedInstance.from_part10(data), KEY)


@settings(max_examples=60, deadline=None)
@given(dataset=data_sets())
def test_the_fingerprint_is_that_of_the_content_in_every_transfer_syntax(dataset: Dataset) -> None:
    files = [encoded(dataset, syntax, undefined_length=u) for syntax in SYNTAXES for u in (False, True)]
    assert len({print_of(file) for file in files}) == 1


@settings(max_examples=60, deadline=None)
@given(dataset=data_sets(), syntax=st.sampled_from(SYNTAXES), data=st.data())
def test_a_changed_value_gives_another_fingerprint(
    dataset: Dataset, syntax: str, data: st.DataObject
) -> None:
    before = print_of(encoded(dataset, ExplicitVRLittleEndian))
    inside = [item for element in dataset if element.VR == "SQ" for item in element.value]
    holder = data.draw(st.sampled_from([dataset, *inside]))
    keyword = data.draw(st.sampled_from(sorted(VALUES)))
    if keyword in holder and data.draw(st.booleans()):
        del holder[keyword]
    else:
        old = holder.get(keyword)
        setattr(holder, keyword, data.draw(VALUES[keyword].filter(lambda new: new != old)))
    assert print_of(encoded(dataset, syntax)) != before


def test_the_pixels_of_either_byte_order_are_the_same() -> None:
    pixels = np.arange(64, dtype="<u2")
    files = []
    for order, syntax in (("<", ExplicitVRLittleEndian), (">", ExplicitVRBigEndian)):
        dataset = minimal(Rows=8, Columns=8, BitsAllocated=16)
        dataset.add_new(0x7FE00010, "OW", pixels.astype(f"{order}u2").tobytes())
        files.append(part10(dataset, syntax))
    assert print_of(files[0]) == print_of(files[1])
    pixels[5] += 1
    dataset.PixelData = pixels.astype(">u2").tobytes()
    assert print_of(part10(dataset, ExplicitVRBigEndian)) != print_of(files[0])


def test_padding_group_lengths_and_trailing_zeros_are_no_content() -> None:
    plain = part10(minimal(SeriesDescription="odd"))
    assert plain.count(b"odd ") == 1
    group_length = minimal(SeriesDescription="odd")
    group_length.add_new(0x00080000, "UL", 4711)
    group_length.add_new(0xFFFCFFFC, "OB", b"padded")
    for other in (plain.replace(b"odd ", b"odd\0"), plain + bytes(64), part10(group_length)):
        assert other != plain
        assert print_of(other) == print_of(plain)


def test_a_value_is_not_taken_for_its_neighbours() -> None:
    """Ends of values count: moving a letter from one attribute to the next is a change."""
    one = minimal(SeriesDescription="ab", StudyDescription="c")
    other = minimal(SeriesDescription="a", StudyDescription="bc")
    nested, beside = minimal(), minimal(Rows=1)
    inner = Dataset()
    inner.Rows = 1
    nested.ReferencedImageSequence = [inner]
    beside.ReferencedImageSequence = [Dataset()]
    assert len({print_of(part10(each)) for each in (one, other, nested, beside)}) == 4


def test_a_private_value_that_only_begins_like_an_item_counts_as_it_is() -> None:
    def file(value: bytes) -> bytes:
        dataset = minimal()
        dataset.private_block(0x0029, "OURS", create=True).add_new(1, "OB", value)
        return part10(dataset)

    item = b"\xfe\xff\x00\xe0"
    values = [item, item + b"\xff\xff\xff\x7f", item + b"\x02\0\0\0ab", item + b"\x02\0\0\0ac"]
    assert len({print_of(file(value)) for value in values}) == len(values)


def test_private_items_may_nest_without_end() -> None:
    value = b""
    for _ in range(200):
        inner = b"\xfe\xff\x00\xe0" + len(value).to_bytes(4, "little") + value
        value = b"\x29\0\x01\x10" + len(inner).to_bytes(4, "little") + inner
    dataset = minimal()
    dataset.private_block(0x0029, "OURS", create=True).add_new(1, "UN", inner)
    assert print_of(part10(dataset)) == print_of(part10(dataset, ImplicitVRLittleEndian))


def test_files_that_cannot_be_read_are_not_the_same() -> None:
    assert not same_content(b"no file", b"no file")


@pytest.mark.parametrize("option", ["+te", "+tb", "+ti", "+td", "-e", "+g"])
def test_what_dcmtk_encodes_anew_is_the_same_object(tmp_path: Path, option: str) -> None:
    if shutil.which("/usr/bin/dcmconv") is None:
        pytest.skip("dcmtk is not installed (Debian package dcmtk)")
    dataset = ct().dataset
    (tmp_path / "in.dcm").write_bytes(part10(dataset))
    command = ["/usr/bin/dcmconv", option, str(tmp_path / "in.dcm"), str(tmp_path / "out.dcm")]
    subprocess.run(command, check=True, capture_output=True)
    before, after = ((tmp_path / name).read_bytes() for name in ("in.dcm", "out.dcm"))
    assert same_content(before, after)
    changed = dcmread(BytesIO(after))
    changed.Rows += 1
    dcmwrite(written := BytesIO(), changed)
    assert not same_content(before, written.getvalue())
