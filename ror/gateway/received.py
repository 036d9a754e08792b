"""An object as it came off an association: identified, and never shown."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

__all__ = ["Received"]

_PREAMBLE = bytes(128) + b"DICM"


@dataclass(frozen=True, slots=True)
class Received:
    """One C-STORE request (PS3.7 9.1.1): who sent it to whom, what it says it is, and its data set."""

    calling_ae: str
    called_ae: str
    sop_class_uid: str = field(repr=False)
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    data: bytes = field(repr=False)

    def to_part10(self) -> bytes:
        """The object as a file (PS3.10), just as it came; still identified."""
        meta = FileMetaDataset()
        meta.FileMetaInformationVersion = b"\x00\x01"
        meta.MediaStorageSOPClassUID = UID(self.sop_class_uid)
        meta.MediaStorageSOPInstanceUID = UID(self.sop_instance_uid)
        meta.TransferSyntaxUID = UID(self.transfer_syntax_uid)
        buffer = DicomBytesIO()
        # Not enforcing the standard: what is refused may be refused for these very UIDs.
        write_file_meta_info(buffer, meta, enforce_standard=False)
        return _PREAMBLE + buffer.getvalue() + self.data
