"""The data set of a service request, read as strictly as an object's: what does not add up is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pydicom.datadict import tag_for_keyword

from anonymizer import DeidentificationError, IdentifiedInstance
from ror.gateway.association import ServiceRequest
from ror.gateway.services.statuses import Refused, ServiceStatus

__all__ = ["MOST_INSTANCES", "Attributes", "counted", "missing", "read", "required_uid"]

MOST_INSTANCES: Final = 50_000
"""A request that names more is refused: a report about them would take long to make."""
_UID: Final = re.compile(r"[0-9.]{1,64}")
_ANY_INSTANCE: Final = "2.25.0"


@dataclass(frozen=True, slots=True, repr=False)
class Attributes:
    """A data set, or an item of a sequence, by keyword; identified, and shown nowhere."""

    _elements: dict[int, Any]

    def text(self, keyword: str) -> str:
        """The value of an attribute of one value; empty if it is not there."""
        element = self._elements.get(_tag(keyword))
        return "" if element is None else bytes(element.value).decode("latin-1").strip(" \0")

    def uid(self, keyword: str) -> str:
        """The value of a UID, or ""; one that is none is `Refused`."""
        uid = self.text(keyword)
        if uid and not _UID.fullmatch(uid):
            raise Refused(ServiceStatus.INVALID_ATTRIBUTE_VALUE, f"{keyword} is no UID")
        return uid

    def has(self, keyword: str) -> bool:
        """Whether it is there, be it empty."""
        return _tag(keyword) in self._elements

    def items(self, *keywords: str) -> Iterator[Attributes]:
        """The items of a sequence, or of the sequences within its items."""
        keyword, *below = keywords
        element = self._elements.get(_tag(keyword))
        for item in () if element is None else element.items or ():
            attributes = Attributes({one.tag: one for one in item})
            if below:
                yield from attributes.items(*below)
            else:
                yield attributes


def read(request: ServiceRequest) -> Attributes:
    """The data set of a request, or `Refused`."""
    try:
        read = IdentifiedInstance.from_dataset_bytes(
            request.data, request.sop_class_uid, _ANY_INSTANCE, request.transfer_syntax_uid
        )
    except DeidentificationError as error:
        raise Refused(ServiceStatus.PROCESSING_FAILURE, "the data set cannot be read") from error
    return Attributes({one.tag: one for one in read.elements})


def required_uid(attributes: Attributes, keyword: str) -> str:
    """A UID that has to be there."""
    uid = attributes.uid(keyword)
    if not uid:
        raise missing(attributes, keyword)
    return uid


def missing(attributes: Attributes, keyword: str) -> Refused:
    """The refusal of a data set in which an attribute is missing, or its value."""
    if attributes.has(keyword):
        return Refused(ServiceStatus.MISSING_ATTRIBUTE_VALUE, f"{keyword} is empty")
    return Refused(ServiceStatus.MISSING_ATTRIBUTE, f"{keyword} is missing")


def counted(items: Iterator[Attributes]) -> Iterator[Attributes]:
    """The same items, or `Refused` once there are too many."""
    for number, item in enumerate(items):
        if number >= MOST_INSTANCES:
            raise Refused(ServiceStatus.RESOURCE_LIMITATION, f"more than {MOST_INSTANCES} instances")
        yield item


@cache
def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    assert tag is not None
    return tag
