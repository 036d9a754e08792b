"""Damaged, cut and hostile files end in an error of the package, or in clean bytes; never in anything else."""

from __future__ import annotations

import resource
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import minimal, part10
from pydicom.datadict import DicomDictionary

from anonymizer import DeidentificationError, IdentifiedInstance, Option, Profile, deidentify
from anonymizer.clean import Cleaner
from anonymizer.identity import Identity
from anonymizer.table import vr_of
from anonymizer.text import TEXT_VRS
from anonymizer.wire import Element, Encoding, read, write
from benchmarks.phi import KEY, Planted, corpus

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
OBJECTS = corpus(7, patients=1)
SMALL = [one for one in OBJECTS if len(one.data) < 20_000]
# A profile as open as can be, so that as much as can be is read and treated.
WIDE = Profile.of(options=[o for o in Option if o.startswith("clean-")])
PACKAGED = sorted((Path(pydicom.__file__).parent / "data").rglob("*"))
LIMIT_MIB = 512
PLAIN = Encoding(implicit=False, little=True)


def outcome(data: bytes, profile: Profile = WIDE) -> bytes | None:
    """What comes out, or None for a refusal; any other error fails the test."""
    try:
        return deidentify(IdentifiedInstance.from_part10(data), profile, KEY)[0].to_part10()
    except DeidentificationError as refusal:
        assert refusal.reason and refusal.advice
        return None


@settings(max_examples=400, deadline=None)
@given(data=st.data(), one=st.sampled_from(SMALL))
def test_flipped_bits_end_in_a_refusal_or_in_a_file(data: st.DataObject, one: Planted) -> None:
    damaged = bytearray(one.data)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(128, len(damaged) - 1))
        damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    outcome(bytes(damaged))


def boundaries(data: bytes) -> Iterator[int]:
    """Where a public attribute, item or delimiter seems to begin."""
    for at in range(132, len(data) - 4):
        group = data[at : at + 2]
        if group in (
            b"\x08\x00",
            b"\x10\x00",
            b"\x20\x00",
            b"\x28\x00",
            b"\xfe\xff",
            b"\x40\x00",
            b"\xe0\x7f",
        ):
            yield at


@pytest.mark.parametrize("one", SMALL, ids=lambda one: one.name)
def test_a_file_cut_at_any_boundary_ends_in_a_refusal_or_in_a_file(one: Planted) -> None:
    for at in boundaries(one.data):
        for end in (at, at + 2, at + 6):
            outcome(one.data[:end])


@settings(max_examples=300, deadline=None)
@given(data=st.data(), one=st.sampled_from(SMALL))
def test_lengths_that_lie_end_in_a_refusal_or_in_a_file(data: st.DataObject, one: Planted) -> None:
    at = data.draw(st.sampled_from(list(boundaries(one.data))))
    offset = data.draw(st.sampled_from([4, 6, 8]))
    size = data.draw(st.sampled_from(["<H", "<I"]))
    most = 2 ** (16 if size == "<H" else 32) - 1
    length = data.draw(st.sampled_from([0, 1, 7, most // 2, most - 1, most]))
    lying = struct.pack(size, length)
    outcome(one.data[: at + offset] + lying + one.data[at + offset + len(lying) :])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(SMALL))
def test_noise_behind_a_whole_beginning_ends_in_a_refusal_or_in_a_file(noise: bytes, one: Planted) -> None:
    outcome(noise)
    outcome(bytes(128) + b"DICM" + noise)
    outcome(one.data[:400] + noise)


def test_every_file_that_pydicom_carries_comes_out_or_is_refused() -> None:
    outcomes = [outcome(path.read_bytes()) for path in PACKAGED if path.is_file()]
    assert sum(out is not None for out in outcomes) >= 40
    assert len(outcomes) >= 100


def test_no_length_that_a_file_claims_takes_memory() -> None:
    one = next(o for o in SMALL if o.name == "CT")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for at in list(boundaries(one.data))[::5]:
        for offset in (4, 8):
            outcome(one.data[: at + offset] + b"\xf0\xff\xff\x7f" + one.data[at + offset + 4 :])
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < LIMIT_MIB


HOSTILE = (
    "a", "1", "jan", "gata", "a1", "+1", "dr.", "1.", "(12)", "a@", "@", "-", "é", "12345a", "a.b", "5-", "1/1/", "12-",
    "9år", "patient:", "_", ".", ",", "^", "0a0", "Storgata", "00 ", "12 a ", ", 1234 ", "dr . ", " ",
)  # fmt: skip


@pytest.mark.parametrize("word", HOSTILE)
def test_a_long_text_is_cleaned_in_time(word: str) -> None:
    """Sixty-four kilobytes, which fit into a description, once took minutes."""
    cleaner = Cleaner.of(Identity(patient={"doe", "hansen"}))
    begun = time.process_time()
    cleaner.clean((word * 65_536)[:65_536])
    assert time.process_time() - begun < 5


def with_value(tag: int, value: bytes) -> bytes:
    """A small object with one attribute replaced."""
    whole = part10(minimal())
    start = whole.index(b"\x08\x00\x16\x00UI")
    elements = {e.tag: e for e in read(whole[start:], PLAIN)}
    elements[tag] = Element(tag, vr_of(tag), value + b" " * (len(value) % 2))
    return whole[:start] + b"".join(write([elements[tag] for tag in sorted(elements)], PLAIN))


def test_more_uids_than_their_attribute_has_room_for_come_out_with_a_longer_length() -> None:
    data = with_value(0x00200052, b"\\".join([b"1.2.3"] * 8000))
    research, _ = deidentify(IdentifiedInstance.from_part10(data), Profile.of(), KEY)
    mapped = research.header().FrameOfReferenceUID.rstrip(b"\0").split(b"\\")
    assert len(mapped) == 8000
    assert set(mapped) == {KEY.uid("1.2.3").encode()}


def test_a_long_number_in_a_text_is_searched_in_time() -> None:
    begun = time.process_time()
    outcome(with_value(0x00283003, b"1" * 10_000 + b".x"))
    assert time.process_time() - begun < 0.5


TEXTS = [tag for tag in sorted(DicomDictionary) if tag >> 16 in (0x0008, 0x0010) and vr_of(tag) in TEXT_VRS]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TEXTS), st.sampled_from([word for word in HOSTILE if word not in ("1", "1.")]))
def test_a_long_text_in_any_attribute_is_treated_in_time(tag: int, word: str) -> None:
    value = (word * 30_000)[:30_000].encode("latin-1")
    begun = time.process_time()
    outcome(with_value(tag, value))
    assert time.process_time() - begun < 10
