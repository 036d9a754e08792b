"""What has to be known of a file to send it: the three UIDs of its file meta information (PS3.10 7.1)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.errors import InvalidDicomError
from pydicom.filereader import dcmread

from orthanc.errors import NotSendable

__all__ = ["Part10File", "sop_class_of"]


@dataclass(frozen=True, slots=True)
class Part10File:
    """A DICOM file that can be sent as it lies on disk."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str

    @classmethod
    def read(cls, path: Path) -> Part10File:
        """Read the file meta information.

        Raises
        ------
        NotSendable
            It is no DICOM Part 10 file, or lacks one of the UIDs.
        """
        try:
            meta = dcmread(path, stop_before_pixels=True, specific_tags=[]).file_meta
            return cls(
                path, meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID
            )
        except (OSError, InvalidDicomError) as error:
            raise NotSendable(path, str(error)) from error
        except AttributeError as error:
            raise NotSendable(path, f"its file meta information is incomplete ({error})") from error


def sop_class_of(path: Path) -> str:
    """The SOP class of a DICOM file, or `NotSendable`."""
    return Part10File.read(path).sop_class_uid
