"""Instances and results as models: in JSON (PS3.18 F), or each as a part in XML (PS3.19 A.1)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from ror.web.errors import Refusal
from ror.web.media import MediaType
from ror.web.native import native_model
from ror.web.negotiation import matches
from ror.web.parts import PartOut, multipart_response

__all__ = ["JSON_TYPES", "choose_model", "model_response"]

JSON_TYPES: Final = ("application/dicom+json", "application/json")
_XML: Final = "application/dicom+xml"


def choose_model(ranges: Sequence[MediaType]) -> str:
    """JSON or XML, whichever the best fitting range means; XML comes in parts only (PS3.18 8.7.3).

    Raises
    ------
    Refusal
        Not acceptable: neither is accepted.
    """
    for one in ranges:
        for name in (_XML,) if one.is_multipart else JSON_TYPES:
            if matches(one.of_parts, name):
                return name
    raise Refusal(
        HTTPStatus.NOT_ACCEPTABLE,
        f'this is to be had as {", ".join(JSON_TYPES)} or multipart/related; type="{_XML}"',
    )


def model_response(kind: str, models: Iterable[Mapping[str, Any]]) -> Response:
    """All models, at least one, each made when it is sent."""
    if kind == _XML:
        return multipart_response(_XML, (PartOut(_XML, [native_model(one)]) for one in models))
    return StreamingResponse(_array(models), media_type=kind)


def _array(models: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    separator = b"["
    for one in models:
        yield separator + json.dumps(one, allow_nan=False).encode("ascii")
        separator = b","
    yield b"]"
