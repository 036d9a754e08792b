"""The receipt of an object is the name of its file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ror.archive import Receipt

DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
PROJECTS = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,62}", fullmatch=True)
SECONDS = st.one_of(st.none(), st.floats(0, 1e9))


@given(sha256=DIGESTS, digest=DIGESTS, project=PROJECTS, seconds=SECONDS)
def test_what_a_file_is_named_after_is_read_from_its_name(
    sha256: str, digest: str, project: str, seconds: float | None
) -> None:
    receipt = Receipt(project, digest, seconds)
    name = receipt.file_name(sha256)
    assert len(name) <= 243
    assert "/" not in name
    assert Receipt.of(name) == (sha256, receipt)


@given(
    sha256=DIGESTS,
    digest=DIGESTS,
    project=PROJECTS,
    seconds=SECONDS,
    sealed=st.binary(min_size=1, max_size=44),
)
def test_so_is_the_sealed_way_back_to_its_original_uid(
    sha256: str, digest: str, project: str, seconds: float | None, sealed: bytes
) -> None:
    receipt = Receipt(project, digest, seconds, sealed)
    name = receipt.file_name(sha256)
    assert len(name) <= 246
    assert "/" not in name
    assert Receipt.of(name) == (sha256, receipt)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "half.part",
        "0123.waiting",
        "a~b~c.waiting",
        "a~b~soon~lungs.waiting",
        "a~b~-~lungs",
        "ab~cd~-~lungs~!.waiting",
        "a~b~-~l~e~f.waiting",
    ],
)
def test_another_name_is_no_receipt(name: str) -> None:
    assert Receipt.of(name) is None
