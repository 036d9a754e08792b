"""An object as it came off an association: identified, and never shown."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

__all__ = ["Received"]

_PREAMBLE = bytes(128) + b"DICM"
_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX = b"\2\0\2\0", b"\2\0\3\0", b"\2\0\x10\0"


@dataclass(frozen=True, slots=True)
class Received:
    """One C-STORE request (PS3.7 9.1.1): who sent it to whom, what it says it is, and its data set."""

    calling_ae: str
    called_ae: str
    sop_class_uid: str = field(repr=False)
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    data: bytes = field(repr=False)

    @classmethod
    def from_part10(cls, data: bytes, calling_ae: str, called_ae: str) -> Received:
        """What `to_part10` has made a file of, so that its own `to_part10` gives the same bytes."""
        at, found = len(_PREAMBLE), dict[bytes, str]()
        # The data set begins behind the transfer syntax, whatever it begins with: the sender wrote it.
        while _TRANSFER_SYNTAX not in found:
            tag = data[at : at + 4]
            start = at + (12 if data[at + 4 : at + 6] == b"OB" else 8)
            length = data[at + 8 : start] if start == at + 12 else data[at + 6 : start]
            end = start + int.from_bytes(length, "little")
            if tag[:2] != b"\x02\x00" or end > len(data):
                raise ValueError("the file meta information is not as it was written")
            found[tag] = data[start:end].decode("latin-1").removesuffix("\0")
            at = end
        return cls(
            calling_ae,
            called_ae,
            found.get(_SOP_CLASS, ""),
            found.get(_SOP_INSTANCE, ""),
            found[_TRANSFER_SYNTAX],
            data[at:],
        )

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
