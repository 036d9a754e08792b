"""The Native DICOM Model (PS3.19 A.1) in XML, written from the DICOM JSON Model, which says the same (PS3.18 F)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from pydicom.datadict import keyword_for_tag

__all__ = ["native_model"]

_NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
# As they are, white space counts (PS3.5 6.2), and what XML has no characters for cannot be told (XML 1.0 2.2).
_BEGIN: Final = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="{_NAMESPACE}" xml:space="preserve">'
)
_END: Final = "</NativeDicomModel>"
_NO_CHARACTERS: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COMPONENTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_GROUP_LENGTH: Final = "0000"


def native_model(model: Mapping[str, Any]) -> bytes:
    """One instance, or one result of a search, as a document in UTF-8.

    Private attributes are told by their creator, whichever block it has reserved, and group lengths not at all.
    """
    return "".join((_BEGIN, *_data_set(model), _END)).encode("utf-8")


def _data_set(model: Mapping[str, Any]) -> Iterator[str]:
    for tag, attribute in model.items():
        if tag[4:] == _GROUP_LENGTH:
            continue
        yield f"<DicomAttribute {_named(model, tag)} vr={_quoted(attribute['vr'])}>"
        yield from _content(attribute)
        yield "</DicomAttribute>"


def _named(model: Mapping[str, Any], tag: str) -> str:
    block = tag[4:6]
    is_private = int(tag[:4], 16) % 2 and block != "00"
    reserved = model.get(f"{tag[:4]}00{block}", {}).get("Value") if is_private else None
    if reserved and reserved[0]:
        return f'tag="{tag[:4]}00{tag[6:]}" privateCreator={_quoted(str(reserved[0]).strip())}'
    keyword = keyword_for_tag(int(tag, 16))
    return f'tag="{tag}" keyword="{keyword}"' if keyword else f'tag="{tag}"'


def _content(attribute: Mapping[str, Any]) -> Iterator[str]:
    if "BulkDataURI" in attribute:
        yield f"<BulkData uri={_quoted(attribute['BulkDataURI'])}/>"
    if "InlineBinary" in attribute:
        yield f"<InlineBinary>{attribute['InlineBinary']}</InlineBinary>"
    for number, value in enumerate(attribute.get("Value", ()), start=1):
        match attribute["vr"], value:
            case vr, None:  # it has its place, and nothing in it
                yield f'<{"PersonName" if vr == "PN" else "Value"} number="{number}"/>'
            case "SQ", _:
                yield f'<Item number="{number}">'
                yield from _data_set(value)
                yield "</Item>"
            case "PN", dict():
                yield f'<PersonName number="{number}">'
                yield from _person_name(value)
                yield "</PersonName>"
            case _:
                yield f'<Value number="{number}">{_shown(value)}</Value>'


def _person_name(value: Mapping[str, str]) -> Iterator[str]:
    for group, text in value.items():
        yield f"<{group}>"
        # More than five components are none of a name (PS3.5 6.2.1.1): what is too much stays with the last.
        for component, part in zip(_COMPONENTS, text.split("^", len(_COMPONENTS) - 1), strict=False):
            yield f"<{component}>{_shown(part)}</{component}>" if part else ""
        yield f"</{group}>"


def _quoted(text: str) -> str:
    return quoteattr(_NO_CHARACTERS.sub("", text))


def _shown(value: object) -> str:
    # A reader would take a bare carriage return for a line feed (XML 1.0 2.11).
    return escape(_NO_CHARACTERS.sub("", str(value)), {"\r": "&#13;"})
