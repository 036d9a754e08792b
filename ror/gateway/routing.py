"""Which route an object takes: the routes are asked about its sender, and if they want to about its attributes."""

from __future__ import annotations

import logging
import struct
from collections.abc import Collection, Mapping
from functools import partial
from typing import Final

from pydicom.charset import python_encoding
from pydicom.datadict import tag_for_keyword

from anonymizer import DeidentificationError, IdentifiedInstance
from ror.gateway.received import Received
from ror.registry import Route, first_that_fits

__all__ = ["attributes_of", "route_of"]

_log = logging.getLogger(__name__)
_CHARACTER_SET: Final = 0x00080005
_NUMBERS: Final = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_ONE_TEXT: Final = frozenset({"LT", "ST", "UR", "UT"})  # a backslash is a character in these (PS3.5 6.2)
_TEXTS: Final = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI"})


def route_of(routes: Collection[Route], received: Received) -> Route | None:
    """The route of an object, or None. Of what cannot be read no condition holds."""
    route = first_that_fits(routes, received.sender, partial(_read, received))
    if route is None:
        _log.warning("no route for %s at %s → %s", received.calling_ae, received.address, received.called_ae)
    return route


def _read(received: Received, keywords: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    try:
        identified = received.identified()
    except DeidentificationError as unreadable:
        _log.warning("an object of %s meets no condition: %s", received.calling_ae, unreadable)
        return {}
    return attributes_of(identified, keywords)


def attributes_of(identified: IdentifiedInstance, keywords: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Values of attributes of the data set itself, as DICOM writes them; identified, and for no log.

    Texts are read in the first Specific Character Set, as Latin-1 where there is none.
    """
    wanted = {tag_for_keyword(keyword): keyword for keyword in keywords}
    elements = {one.tag: one for one in identified.elements if one.tag in wanted or one.tag == _CHARACTER_SET}
    character_set = elements.get(_CHARACTER_SET)
    name = b"" if character_set is None else bytes(character_set.value).partition(b"\\")[0]
    encoding = python_encoding.get(name.decode("latin-1").strip(" \0"), "latin-1")
    found = {}
    for tag, element in elements.items():
        values = _values(element.vr, bytes(element.value), encoding, little=identified.encoding.little)
        if tag in wanted and any(values):
            found[wanted[tag]] = values
    return found


def _values(vr: str, value: bytes, encoding: str, *, little: bool) -> tuple[str, ...]:
    if vr in _NUMBERS:
        number = struct.Struct(("<" if little else ">") + _NUMBERS[vr])
        whole = len(value) - len(value) % number.size
        return tuple(str(one) for (one,) in number.iter_unpack(value[:whole]))
    if vr in _ONE_TEXT:
        return (value.decode(encoding, "replace").strip(" \0"),)
    if vr in _TEXTS:
        return tuple(one.strip(" \0") for one in value.decode(encoding, "replace").split("\\"))
    return ()
