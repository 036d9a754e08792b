"""An object as it came off an association: identified, and never shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from anonymizer import Deidentifier, IdentifiedInstance, read_file
from ror.gateway.spooled import SpooledData
from ror.registry import Sender

__all__ = ["NotPart10", "Received", "part10_head"]

_PREAMBLE = bytes(128) + b"DICM"
_VERSION = b"\2\0\1\0OB\0\0\2\0\0\0\0\1"
_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT")  # VRs with a length of four bytes (PS3.5 7.1.2)
_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX = b"\2\0\2\0", b"\2\0\3\0", b"\2\0\x10\0"


class NotPart10(Exception):
    """A file that no object can be read from; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Received:
    """One C-STORE request (PS3.7 9.1.1): who sent it to whom, what it says it is, and its data set.

    `address` is where it came from over a network, empty for what came by none. A view of data is as it is until the
    request is answered.
    """

    calling_ae: str
    called_ae: str
    sop_class_uid: str = field(repr=False)
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    data: bytes | memoryview | SpooledData = field(repr=False)
    address: str = ""

    @property
    def sender(self) -> Sender:
        """Who has sent it."""
        return Sender(self.calling_ae, self.called_ae, self.address)

    @classmethod
    def from_part10(cls, data: bytes, calling_ae: str, called_ae: str) -> Received:
        """What `to_part10` has made a file of, so that its own `to_part10` gives the same bytes."""
        found, end = dict[bytes, str](), 0
        # The data set begins behind the transfer syntax, whatever it begins with: the sender wrote it.
        for tag, value, at in _file_meta(data):
            found[tag], end = value, at
            if tag == _TRANSFER_SYNTAX:
                break
        else:
            raise ValueError("the file meta information is not as it was written")
        return cls(
            calling_ae,
            called_ae,
            found.get(_SOP_CLASS, ""),
            found.get(_SOP_INSTANCE, ""),
            found[_TRANSFER_SYNTAX],
            data[end:],
        )

    @classmethod
    def from_file(cls, data: bytes, calling_ae: str) -> Received:
        """What anybody has made a file of (PS3.10 7.1).

        Raises
        ------
        NotPart10
            It has no preamble, or its file meta information does not say what it is.
        """
        if data[128 : len(_PREAMBLE)] != b"DICM":
            raise NotPart10("not_part10")
        found, end = dict[bytes, str](), len(_PREAMBLE)
        for tag, value, at in _file_meta(data):
            found[tag], end = value.strip(), at
        try:
            sop_class, sop_instance, syntax = (
                found[tag] for tag in (_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX)
            )
        except KeyError as error:
            raise NotPart10("file_meta") from error
        return cls(calling_ae, "", sop_class, sop_instance, syntax, memoryview(data)[end:])

    def identified(self, by: Deidentifier | None = None) -> IdentifiedInstance:
        """The object for the anonymizer, read with what `by` remembers; errors are those of the anonymizer.

        Pixels that are not in memory stay where they are.
        """
        memory = None if by is None else by.memory
        if isinstance(self.data, SpooledData):
            return read_file(self.data.path, memory)
        said = self.sop_class_uid, self.sop_instance_uid, self.transfer_syntax_uid
        return IdentifiedInstance.from_dataset_bytes(self.data, *said, memory)

    def part10(self) -> Iterator[bytes | memoryview]:
        """The object as a file (PS3.10), just as it came, in pieces; still identified."""
        if isinstance(self.data, SpooledData):
            yield from self.data.part10()
        else:
            yield part10_head(self.sop_class_uid, self.sop_instance_uid, self.transfer_syntax_uid)
            yield self.data

    def to_part10(self) -> bytes:
        """As `part10`, in one piece."""
        return b"".join(self.part10())


def part10_head(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """What stands before a data set in a file (PS3.10 7.1)."""
    return b"".join(
        (
            _PREAMBLE,
            _VERSION,
            _uid(_SOP_CLASS, sop_class_uid),
            _uid(_SOP_INSTANCE, sop_instance_uid),
            _uid(_TRANSFER_SYNTAX, transfer_syntax_uid),
        )
    )


def _uid(tag: bytes, uid: str) -> bytes:
    # Written as it came: what is refused may be refused for this very UID.
    value = uid.encode("latin-1")
    value += bytes(len(value) % 2)
    return tag + b"UI" + len(value).to_bytes(2, "little") + value


def _file_meta(data: bytes) -> Iterator[tuple[bytes, str, int]]:
    """Elements of group 0002 (PS3.10 7.1): tag, value, where the next one begins. Its own length is not trusted."""
    at = len(_PREAMBLE)
    while (tag := data[at : at + 4])[:2] == b"\x02\x00":
        is_long = data[at + 4 : at + 6] in _LONG
        start = at + (12 if is_long else 8)
        at = start + int.from_bytes(data[at + 8 : start] if is_long else data[at + 6 : start], "little")
        if at > len(data):
            return
        yield tag, data[start:at].decode("latin-1").removesuffix("\0"), at
