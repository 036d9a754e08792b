"""One composite object before and after de-identification; two types that cannot be taken for each other."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO

from pydicom import Dataset, dcmread

from anonymizer.data_set import DataSet
from anonymizer.errors import MissingIdentifier, Unreadable
from anonymizer.identity import is_uid
from anonymizer.kinds import DEFLATED, encoding_of
from anonymizer.memory import Memory
from anonymizer.pieces import NotSure
from anonymizer.stored import OpenFile, StoredValue, Value, loaded
from anonymizer.wire import Element, Encoding

__all__ = ["INFLATED_LIMIT_BYTES", "IdentifiedInstance", "ResearchInstance"]

# A deflated data set can grow a thousandfold; a hospital's objects do not come deflated beyond this.
INFLATED_LIMIT_BYTES = 256 * 1024 * 1024
_BLOCK_BYTES = 1024 * 1024
_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
# SOP class, SOP instance, transfer syntax.
_META_NEEDED = (0x00020002, 0x00020003, 0x00020010)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class IdentifiedInstance:
    """An object as it came in. Shows nothing of what it holds; only `deidentify` looks inside.

    Attributes
    ----------
    data_set
        What it says; `elements` are its elements, structure decoded, values as they were.
    encoding
        How it was encoded, and how the research object will be.
    transfer_syntax_uid
        Of the research object: the one it came in, or Explicit VR Little Endian where it came deflated.
    """

    data_set: DataSet
    encoding: Encoding
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str

    @property
    def elements(self) -> tuple[Element, ...]:
        """The elements of the data set."""
        return self.data_set.elements

    @classmethod
    def from_dataset_bytes(
        cls,
        data: bytes | memoryview,
        sop_class_uid: str,
        sop_instance_uid: str,
        transfer_syntax_uid: str,
        memory: Memory | None = None,
    ) -> IdentifiedInstance:
        """An object as a C-STORE request brings it: the data set alone, the rest from the command set.

        With the memory of a `Deidentifier` what came before is not read again. Of a view the pixels are not copied: it
        must stay as it is until the research object is written.

        Raises
        ------
        Unreadable
            The data set is truncated, malformed, or inflates beyond `INFLATED_LIMIT_BYTES`.
        Unsupported
            The transfer syntax is a video or unknown.
        MissingIdentifier
            One of the UIDs given is none.
        """
        said, memory = (sop_class_uid, sop_instance_uid, transfer_syntax_uid), memory or Memory()
        if isinstance(data, memoryview):
            sop_class, sop_instance, syntax = _checked(*said)
            encoding = encoding_of(syntax)
            if syntax != DEFLATED:
                with suppress(NotSure):
                    data_set = DataSet.read_view(data, encoding, memory)
                    return cls(data_set, encoding, sop_class, sop_instance, syntax)
        return cls._read(bytes(data), 0, said, memory)

    @classmethod
    def from_part10(
        cls, data: bytes, memory: Memory | None = None, file: OpenFile | None = None
    ) -> IdentifiedInstance:
        """An object as a file brings it (PS3.10 7.1); memory and errors as in `from_dataset_bytes`.

        With `file`, `data` is no more than its beginning; see `files.read_file`.
        """
        if data[128:132] != b"DICM":
            raise Unreadable("not_part10", "Not a DICOM file", "Convert it with dcmtk's dcmconv.")
        memory = memory or Memory()
        values, end = memory.file_meta(data)
        if not values.keys() >= set(_META_NEEDED):
            raise Unreadable("file_meta", "The file meta information is incomplete", "Repair it with dcmtk.")
        sop_class, sop_instance, syntax = (bytes(values[tag]).decode("latin-1") for tag in _META_NEEDED)
        return cls._read(data, end, (sop_class, sop_instance, syntax), memory, file)

    @classmethod
    def _read(
        cls,
        data: bytes,
        at: int,
        said: tuple[str, str, str],
        memory: Memory,
        file: OpenFile | None = None,
    ) -> IdentifiedInstance:
        """The object whose data set begins at `at`; SOP class, SOP instance, transfer syntax as it was told."""
        sop_class_uid, sop_instance_uid, syntax = _checked(*said)
        encoding = encoding_of(syntax)
        if file is not None:
            data_set = DataSet.read_stored(data, encoding, memory, at, file)
            return cls(data_set, encoding, sop_class_uid, sop_instance_uid, syntax)
        if syntax == DEFLATED:
            data, at, syntax = _inflate(data[at:]), 0, _EXPLICIT_LITTLE
        data_set = DataSet.read(bytes(data), encoding, memory, at)
        return cls(data_set, encoding, sop_class_uid, sop_instance_uid, syntax)

    def __repr__(self) -> str:
        return "IdentifiedInstance(<not shown>)"

    def __reduce__(self) -> str:
        raise TypeError("an IdentifiedInstance is not pickled: it stays in this process")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ResearchInstance:
    """A de-identified object; made by `deidentify` and by nothing else.

    Attributes
    ----------
    patient_id, study_instance_uid, series_instance_uid, sop_instance_uid
        Research identifiers.
    chunks
        The file in pieces; the pixels are views on the received bytes, not copies, or still in their file.
    """

    patient_id: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    chunks: tuple[Value, ...]

    @property
    def length(self) -> int:
        """Bytes of the file."""
        return sum(map(len, self.chunks))

    @property
    def loaded(self) -> int:
        """Bytes of it that are in memory; the others are still in their file."""
        return sum(len(chunk) for chunk in self.chunks if not isinstance(chunk, StoredValue))

    def blocks(self) -> Iterator[bytes | memoryview]:
        """The file in pieces; values that are still in their file are read 1 MiB at a time."""
        for chunk in self.chunks:
            if isinstance(chunk, StoredValue):
                yield from chunk.blocks()
            else:
                yield chunk

    def to_part10(self) -> bytes:
        """The object as a file (PS3.10); the same bytes for the same input, profile and key."""
        return b"".join(map(loaded, self.chunks))

    def header(self) -> Dataset:
        """The attributes without pixel data, as a new pydicom data set."""
        # The chunk before the pixels is the head of their element, where pydicom stops.
        before = b""
        for chunk in self.chunks:
            if not isinstance(chunk, bytes):
                break
            before += chunk
        return dcmread(BytesIO(before), stop_before_pixels=True)

    def __repr__(self) -> str:
        return f"ResearchInstance({self.sop_instance_uid})"


def _checked(sop_class_uid: str, sop_instance_uid: str, syntax: str) -> tuple[str, str, str]:
    """The UIDs without their padding."""
    sop_class_uid, sop_instance_uid = (str(uid).strip(" \0") for uid in (sop_class_uid, sop_instance_uid))
    for tag, uid in (("(0008,0016)", sop_class_uid), ("(0008,0018)", sop_instance_uid)):
        if not is_uid(uid):
            raise MissingIdentifier("invalid_uid", "Not a UID", "Correct it at the sender.", tag)
    return sop_class_uid, sop_instance_uid, str(syntax).strip(" \0")


def _inflate(data: bytes) -> bytes:
    try:
        # Counted first, block by block: what is too large never is in memory.
        _require_room(data)
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data)
    except zlib.error:
        raise Unreadable("bad_deflate", "The deflated data set is damaged", "Ask for it again.") from None


def _require_room(data: bytes) -> None:
    inflater, left, length = zlib.decompressobj(-zlib.MAX_WBITS), data, 0
    while not inflater.eof:
        inflated = inflater.decompress(left, _BLOCK_BYTES)
        if not (inflated or inflater.eof or inflater.unconsumed_tail):
            raise Unreadable("truncated", "The deflated data set has no end", "Ask the sender for it again.")
        length += len(inflated)
        if length > INFLATED_LIMIT_BYTES:
            raise Unreadable(
                "inflated_too_large", "The data set inflates beyond the limit", "Send it undeflated."
            )
        left = inflater.unconsumed_tail
