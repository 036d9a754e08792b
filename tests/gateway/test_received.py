"""Files that anybody has made, read as objects that were received."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from ror.gateway import Received
from ror.gateway.received import NotPart10
from tests.anonymizer.planted import minimal, part10


@settings(max_examples=60, deadline=None)
@given(
    patient=st.text("ABC^ ", min_size=1, max_size=8),
    title=st.text("AE", max_size=8),
    preamble=st.binary(min_size=128, max_size=128),
)
def test_a_file_is_read_as_it_was_written(patient: str, title: str, preamble: bytes) -> None:
    dataset: Dataset = minimal(PatientName=patient)
    whole = part10(dataset, preamble=preamble)
    read = Received.from_file(whole, "IMPORT")
    assert read.sop_instance_uid == dataset.SOPInstanceUID
    assert read.sop_class_uid == dataset.SOPClassUID
    assert whole.endswith(bytes(read.data))
    # As quarantine keeps it, it is read again.
    assert Received.from_part10(read.to_part10(), "IMPORT", "") == read


@settings(max_examples=60, deadline=None)
@given(end=st.integers(0, 400))
def test_a_file_that_is_cut_short_is_an_object_or_told(end: int) -> None:
    whole = part10(minimal())
    try:
        read = Received.from_file(whole[:end], "IMPORT")
    except NotPart10 as fault:
        assert fault.reason == ("not_part10" if end < 132 else "file_meta")
    else:
        assert whole[:end].endswith(bytes(read.data))


def test_a_length_of_the_file_meta_information_that_is_wrong_does_not_matter() -> None:
    whole = bytearray(part10(minimal()))
    whole[140:144] = (7).to_bytes(4, "little")
    assert Received.from_file(bytes(whole), "A") == Received.from_file(part10(minimal()), "A")


@pytest.mark.parametrize("data", [b"", b"DICM", bytes(200)], ids=repr)
def test_what_is_no_file_of_dicom_is_told(data: bytes) -> None:
    with pytest.raises(NotPart10, match="not_part10"):
        Received.from_file(data, "IMPORT")
