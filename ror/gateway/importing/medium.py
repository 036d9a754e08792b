"""The directory of a medium (DICOMDIR, PS3.10 8.6): which files should be there."""

from __future__ import annotations

from io import BytesIO
from pathlib import PurePosixPath

from pydicom import dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError

from anonymizer import DeidentificationError, IdentifiedInstance

__all__ = ["DIRECTORY", "BrokenDirectory", "named_files"]

DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory Storage
_LARGEST_BYTES = 256 * 2**20


class BrokenDirectory(Exception):
    """A DICOMDIR that cannot be read: nobody knows whether all of its medium is there."""


def named_files(data: bytes) -> tuple[PurePosixPath, ...]:
    """The files that a DICOMDIR names, relative to its folder (Referenced File ID, PS3.3 F.3).

    Raises
    ------
    BrokenDirectory
        It cannot be read.
    """
    if len(data) > _LARGEST_BYTES:
        raise BrokenDirectory
    try:
        IdentifiedInstance.from_part10(
            data
        )  # which, other than pydicom, does not read half of it as if it were all
        directory = dcmread(BytesIO(data))
        records = directory.get("DirectoryRecordSequence") or ()
        ids = [record.get("ReferencedFileID") for record in records]
    except (
        DeidentificationError,
        InvalidDicomError,
        BytesLengthException,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        OSError,
    ) as error:
        raise BrokenDirectory from error
    return tuple(PurePosixPath(*([one] if isinstance(one, str) else one)) for one in ids if one)
