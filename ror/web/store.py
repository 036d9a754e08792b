"""STOW-RS: instances come in a ``multipart/related`` body and take the one way in (PS3.18 10.5)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ror.web.access import token_of
from ror.web.errors import PeerGone, Refusal
from ror.web.media import MediaType, accepted
from ror.web.multipart import PartLimits, PartReader
from ror.web.resources import uid_in
from ror.web.stored import Stored, status_of, store_response
from ror.web.taking import Taking

__all__ = ["Storing"]

_log = logging.getLogger(__name__)
_MOST_PARTS = 10_000
_DICOM, _ANSWER = "application/dicom", "application/dicom+json"
_ANSWERS = frozenset({"*/*", "application/*", _ANSWER, "application/json"})


class Storing:
    """``POST /studies`` and ``POST /studies/{study}``."""

    def __init__(self, taking: Taking, most_bytes: int) -> None:
        self._taking = taking
        self._limits = PartLimits(most_bytes, _MOST_PARTS)

    async def store(self, request: Request) -> Response:
        """Take every part in; the answer comes when all of them are durable or refused."""
        _require_answer(request)
        study_uid = uid_in(request, "study") if "study" in request.path_params else None
        token, taken = token_of(request), list[asyncio.Task[Stored]]()
        try:
            async for data in self._files(request):
                taken.append(await self._taking.submit(data, token, study_uid))
        except ClientDisconnect as error:
            raise PeerGone from error
        finally:
            stored = await asyncio.gather(*taken)
        if not stored:
            raise Refusal(HTTPStatus.BAD_REQUEST, "no part in the body")
        status = status_of(stored)
        _log.info("%s has sent %d instances: %d", token.name, len(stored), status)
        headers = {"Retry-After": "60"} if status is HTTPStatus.SERVICE_UNAVAILABLE else None
        return JSONResponse(store_response(stored), status, headers, media_type=_ANSWER)

    async def _files(self, request: Request) -> AsyncIterator[bytes]:
        """Each instance of the body, as soon as it is there."""
        kind = MediaType.read(request.headers.get("content-type", ""))
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "a Content-Encoding is not taken; send instances in a compressed transfer syntax",
                {"Accept-Encoding": "identity"},
            )
        if not kind.is_multipart or kind.of_parts not in (_DICOM, "*/*"):
            raise _unsupported(f'send multipart/related; type="{_DICOM}"')
        reader = PartReader(kind.parameters.get("boundary", ""), self._limits)
        async for chunk in request.stream():
            for part in reader.feed(chunk):
                if "content-type" not in part.headers:
                    raise Refusal(HTTPStatus.BAD_REQUEST, "a part has no Content-Type")
                if MediaType.read(part.headers["content-type"]).name != _DICOM:
                    raise _unsupported(f"a part is not {_DICOM}")
                if part.headers.get("content-encoding", "identity").lower() != "identity":
                    raise _unsupported("a part has a Content-Encoding")
                yield part.data
        reader.end()


def _require_answer(request: Request) -> None:
    ranges = accepted(request.headers.get("accept"), request.query_params.get("accept"))
    if not any(one.name in _ANSWERS for one in ranges):
        raise Refusal(HTTPStatus.NOT_ACCEPTABLE, f"the answer is {_ANSWER}")


def _unsupported(what: str) -> Refusal:
    return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, what)
