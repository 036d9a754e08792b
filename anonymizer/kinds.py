"""Which kinds of objects can be de-identified here, and the name of the reason for each that cannot.

What is not listed is refused: a SOP class that nobody thought of never passes by omission.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from anonymizer.errors import BurnedInText, Unsupported
from anonymizer.options import Option
from anonymizer.text import decode
from anonymizer.vocabulary import listed
from anonymizer.wire import Element, Encoding, tag_path

__all__ = ["DEFLATED", "check_pixels", "check_sop_class", "encoding_of"]

_S: Final = "1.2.840.10008.5.1.4.1.1."
_PASS: Final = frozenset(
    _S + end
    for end in listed(
        """
    1 1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 2 2.1 2.2 4 4.1 4.2 4.3 4.4 5 9.1.1 9.1.2 9.1.3 9.1.4 9.2.1 9.3.1
    9.5.1 9.6.1 9.6.2 9.7.1 9.7.2 9.7.3 9.7.4 9.8.1 12.1 12.1.1 12.2 12.2.1 13.1.1
    13.1.2 13.1.3 13.1.4 13.1.5 14.1 14.2 20 30 66.1 66.2 66.3 66.4 66.5 67 77.1.5.1 77.1.5.2
    77.1.5.4 128 128.1 130 481.1 481.2 481.3 481.4 481.5 481.6 481.8 481.9
    """
    )
)
# Text is drawn into these by the device as a rule, so they must say that it was not.
_PASS_IF_DECLARED: Final = frozenset(
    _S + end
    for end in listed(
        """
    3 3.1 6 6.1 6.2 7 7.1 7.2 7.3 7.4 77.1.1 77.1.2 77.1.3 77.1.4 77.1.6 77.1.7
    """
    )
)
# Kinds that the Basic Profile alone would destroy, and the option that knows what to do with them.
_PASS_WITH: Final = {_S + "88.": Option.CLEAN_STRUCTURED_CONTENT, _S + "11.": Option.CLEAN_GRAPHICS}
# Beginning of the SOP class UID, reason, what it is.
_REFUSED: Final = (
    (_S + "104.", "encapsulated_document", "An encapsulated document (PDF, CDA, STL)"),
    (_S + "88.59", "key_object_selection", "A key object selection"),
    (_S + "88.", "structured_report", "A structured report"),
    (_S + "11.", "presentation_state", "A presentation state"),
    (_S + "9.4.", "audio", "A voice"),
    (_S + "9.", "waveform", "A waveform of a kind that is not known here"),
    (_S + "66", "raw_data", "Raw data"),
    (_S + "77.1.1.1", "video", "A video"),
    (_S + "77.1.2.1", "video", "A video"),
    (_S + "77.1.4.1", "video", "A video"),
    ("1.2.840.10008.1.3.10", "media_directory", "A DICOMDIR"),
)
_QUARANTINE: Final = "Keep it in quarantine; it cannot be de-identified without loss or leak."
_JPEG: Final = "1.2.840.10008.1.2.4."
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_IMPLICIT: Final = "1.2.840.10008.1.2"
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_EXPLICIT: Final = frozenset(
    [
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.1.98",
        "1.2.840.10008.1.2.5",
        "1.2.840.10008.1.2.8.1",
        DEFLATED,
    ]
    + [f"{_JPEG}{n}" for n in (*range(50, 67), 70, 80, 81, 90, 91, 92, 93, 110, 111, 112, 201, 202, 203)]
)
_IMPLICIT_LITTLE, _EXPLICIT_LITTLE = (Encoding(implicit, little=True) for implicit in (True, False))
_BURNED_IN, _IMAGE_TYPE = 0x00280301, 0x00080008


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """The encoding of the data set under a transfer syntax (PS3.5 annex A).

    Raises
    ------
    Unsupported
        Video, referenced pixel data, or a transfer syntax that is not known here.
    """
    if transfer_syntax_uid == _IMPLICIT:
        return _IMPLICIT_LITTLE
    if transfer_syntax_uid in _EXPLICIT:
        return _EXPLICIT_LITTLE
    if transfer_syntax_uid == _BIG_ENDIAN:
        return Encoding(implicit=False, little=False)
    if transfer_syntax_uid.startswith(f"{_JPEG}10") or transfer_syntax_uid.startswith("1.2.840.10008.1.2.7."):
        raise Unsupported("video", "The pixel data is a video stream", _QUARANTINE, "(0002,0010)")
    raise Unsupported(
        "transfer_syntax", "The transfer syntax is not supported", "Send it uncompressed.", "(0002,0010)"
    )


def check_sop_class(sop_class_uid: str, options: Collection[Option]) -> None:
    """Raise `Unsupported` for every SOP class that is not known to be safe here, under options."""
    if sop_class_uid in _PASS or sop_class_uid in _PASS_IF_DECLARED:
        return
    needed = next((option for start, option in _PASS_WITH.items() if sop_class_uid.startswith(start)), None)
    if needed is not None and needed in options:
        return
    advice = f"Switch the option {needed} on, or keep it in quarantine." if needed else _QUARANTINE
    reason, text = "sop_class", "This SOP class is not supported"
    if not sop_class_uid.startswith("1.2.840.10008."):
        reason, text = "private_sop_class", "A private SOP class"
    for beginning, its_reason, its_text in _REFUSED:
        if sop_class_uid.startswith(beginning):
            reason, text = its_reason, its_text
            break
    under = " by the Basic Profile alone" if needed else ""
    raise Unsupported(reason, f"{text} cannot be de-identified{under}", advice, "(0008,0016)")


def check_pixels(sop_class_uid: str, elements: tuple[Element, ...]) -> None:
    """Raise `BurnedInText` where the pixels carry text, or may, or have an overlay in their unused bits."""
    values = {e.tag: e for e in elements}
    burned_in = _text(values.get(_BURNED_IN))
    if burned_in not in ("", "NO"):
        raise _burned_in(
            "burned_in_annotation", "The image says that it has burned-in annotation", _BURNED_IN
        )
    screen = "SCREEN" in _text(values.get(_IMAGE_TYPE))
    if (screen or sop_class_uid in _PASS_IF_DECLARED) and burned_in != "NO":
        text = "A kind of image that usually shows the patient's name does not say that it does not"
        raise _burned_in("burned_in_undeclared", text, _BURNED_IN)
    for element in elements:
        # Overlay Bits Allocated > 1: the graphics lie in unused bits of the pixels (retired).
        is_depth = element.tag >> 24 == 0x60 and element.tag & 0xFFFF == 0x0100
        if is_depth and bytes(element.value).strip(b"\0") not in (b"", b"\x01"):
            text = "An overlay lies in the unused bits of the pixels"
            raise _burned_in("overlay_in_pixels", text, element.tag)


def _text(element: Element | None) -> str:
    return "" if element is None else decode(element.value, ("latin-1",)).strip(" \0").upper()


def _burned_in(reason: str, text: str, tag: int) -> BurnedInText:
    return BurnedInText(
        reason, text, "Look at it; send it again with BurnedInAnnotation = NO, or masked.", tag_path(tag)
    )
