"""WADO-RS: instances and frames, as they are stored or in Explicit VR Little Endian (PS3.18 10.4.1.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Final

from pydicom import dcmread
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian
from starlette.responses import Response, StreamingResponse

from ror.web.errors import Refusal
from ror.web.image_file import ImageFile, decodes
from ror.web.media import MediaType
from ror.web.negotiation import matches
from ror.web.parts import PartOut, multipart_response, pieces_of
from ror.web.shelf import Held

__all__ = ["frames", "instances"]

_DICOM, _OCTETS = "application/dicom", "application/octet-stream"
_EXPLICIT: Final = str(ExplicitVRLittleEndian)
# PS3.18 Table 8.7.3-5: of what media type a frame of a compressed transfer syntax is.
_OF_SYNTAX: Final = {
    **dict.fromkeys(("50", "51", "57", "70"), "image/jpeg"),
    **dict.fromkeys(("80", "81"), "image/jls"),
    **dict.fromkeys(("90", "91"), "image/jp2"),
    **dict.fromkeys(("92", "93"), "image/jpx"),
    **dict.fromkeys(("201", "202", "203"), "image/jphc"),
}
_RLE: Final = "1.2.840.10008.1.2.5"


def instances(held: Sequence[Held], ranges: Sequence[MediaType]) -> Response:
    """Whole instances (`Refusal` where one of them is not to be had as the client accepts it)."""
    wanted = [one for one in ranges if matches(one.of_parts, _DICOM)]
    chosen = [_delivered(_syntax_of(one.file), wanted) for one in held]
    if len(held) == 1 and wanted[0].name == _DICOM:
        kind = f"{_DICOM}; transfer-syntax={chosen[0]}"
        return StreamingResponse(_written(held[0].file, chosen[0]), media_type=kind)
    parts = (
        PartOut(f"{_DICOM}; transfer-syntax={syntax}", _written(one.file, syntax))
        for one, syntax in zip(held, chosen, strict=True)
    )
    return multipart_response(_DICOM, parts)


def frames(image: ImageFile, numbers: Sequence[int], ranges: Sequence[MediaType]) -> Response:
    """Frames by their numbers from 1 (`Refusal`: there are not so many, or not as the client accepts them)."""
    if any(not 1 <= number <= image.frames for number in numbers):
        raise Refusal(HTTPStatus.NOT_FOUND, f"there are {image.frames} frames")
    kind, as_stored = _frame_format(image.syntax, ranges)
    get = image.stored_frame if as_stored else image.decoded_frame
    first = get(numbers[0] - 1)  # before the status is sent: what cannot be decoded is refused
    syntax = image.syntax if as_stored and image.syntax.is_encapsulated else _EXPLICIT
    media_type = f"{kind}; transfer-syntax={syntax}"
    if len(numbers) == 1 and any(one.name == kind for one in ranges):
        return Response(first, media_type=media_type)
    later = ([get(number - 1)] for number in numbers[1:])
    return multipart_response(kind, (PartOut(media_type, one) for one in _with_first([first], later)))


def _with_first(first: list[bytes], later: Iterator[list[bytes]]) -> Iterator[list[bytes]]:
    yield first
    yield from later


def _frame_format(stored: UID, ranges: Sequence[MediaType]) -> tuple[str, bool]:
    """The media type of the parts, and whether the frames stay as they are stored."""
    own = _media_type_of(stored)
    for one in ranges:
        syntax = one.transfer_syntax
        if one.of_parts in (_OCTETS, "*/*", "application/*"):
            if syntax in ("*", str(stored)):
                return (own if one.of_parts == "*/*" else _OCTETS), True
            if syntax in (None, _EXPLICIT):
                return _OCTETS, not stored.is_encapsulated
        elif own != _OCTETS and matches(one.of_parts, own) and syntax in (None, "*", str(stored)):
            return own, True
    raise Refusal(HTTPStatus.NOT_ACCEPTABLE, f"frames are to be had as {own} or {_OCTETS}")


def _media_type_of(syntax: UID) -> str:
    if syntax == _RLE:
        return "image/dicom-rle"
    return _OF_SYNTAX.get(str(syntax).removeprefix("1.2.840.10008.1.2.4."), _OCTETS)


def _delivered(stored: UID, wanted: Sequence[MediaType]) -> str:
    """The transfer syntax in which a file is given; Explicit VR Little Endian where none is said (PS3.18 8.7.3)."""
    for one in wanted:
        if one.transfer_syntax in ("*", str(stored)):
            return str(stored)
        if one.transfer_syntax in (None, _EXPLICIT) and (stored == _EXPLICIT or decodes(stored)):
            return _EXPLICIT
    raise Refusal(
        HTTPStatus.NOT_ACCEPTABLE,
        f"instances are to be had as {_DICOM}, in {_EXPLICIT} or, with transfer-syntax=*, as they are stored",
    )


def _syntax_of(file: Path) -> UID:
    return UID(read_file_meta_info(file).TransferSyntaxUID)


def _written(file: Path, syntax: str) -> Iterator[bytes]:
    if _syntax_of(file) == syntax:
        yield from pieces_of(file)
        return
    dataset = dcmread(file)
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        dataset.decompress(as_rgb=False, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    dataset.save_as(buffer, implicit_vr=False, little_endian=True, enforce_file_format=True)
    yield buffer.getvalue()
