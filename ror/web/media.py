"""Media types (RFC 9110 8.3.1, PS3.18 8.7.3): of bodies, and as the ranges that a client accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

from ror.web.errors import Refusal

__all__ = ["MediaType", "accepted"]

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE = re.compile(rf"\s*({_TOKEN}/{_TOKEN})\s*")
# A value may be quoted or, as most senders of "type=application/dicom" do it, left bare with its slash.
_PARAMETER = re.compile(rf';\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))\s*')
_EMPTY = re.compile(r";\s*")
_MOST_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class MediaType:
    """``multipart/related; type="application/dicom"``: names in lower case, values as they are."""

    name: str
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> MediaType:
        """The one media type of a Content-Type (`Refusal` if it is none)."""
        found = list(_read(text))
        if len(found) != 1:
            raise Refusal(HTTPStatus.BAD_REQUEST, "Content-Type is not one media type")
        return found[0]

    @property
    def of_parts(self) -> str:
        """The type of each part of a ``multipart/related``, else its own."""
        return self.parameters.get("type", "*/*").lower() if self.is_multipart else self.name

    @property
    def is_multipart(self) -> bool:
        return self.name == "multipart/related"

    @property
    def transfer_syntax(self) -> str | None:
        """What is said of the transfer syntax, if anything."""
        return self.parameters.get("transfer-syntax")

    @property
    def quality(self) -> float:
        """Its weight among what is accepted (RFC 9110 12.4.2)."""
        try:
            return min(max(float(self.parameters.get("q", "1")), 0.0), 1.0)
        except ValueError:
            return 0.0


def accepted(header: str | None, parameter: str | None) -> tuple[MediaType, ...]:
    """What the client accepts, best first; its query parameter before its header (PS3.18 8.3.3.1, 8.7.5).

    Everything, if it says nothing.
    """
    ranges = [one for one in _read(parameter or header or "*/*") if one.quality > 0]
    return tuple(sorted(ranges, key=lambda one: -one.quality))


def _read(text: str) -> Iterator[MediaType]:
    if len(text) > _MOST_CHARACTERS:
        raise Refusal(HTTPStatus.BAD_REQUEST, "a media type is too long")
    at = 0
    while at < len(text):
        found = _TYPE.match(text, at)
        if found is None:
            raise Refusal(HTTPStatus.BAD_REQUEST, "a media type is not written as type/subtype; name=value")
        at, parameters = found.end(), dict[str, str]()
        while given := _PARAMETER.match(text, at) or _EMPTY.match(text, at):
            at = given.end()
            if given.lastindex:
                value = given[3] if given[2] is None else re.sub(r"\\(.)", r"\1", given[2])
                parameters.setdefault(given[1].lower(), value)
        if at < len(text) and text[at] != ",":
            raise Refusal(HTTPStatus.BAD_REQUEST, "a media type is not written as type/subtype; name=value")
        at += 1
        yield MediaType(found[1].lower(), parameters)
