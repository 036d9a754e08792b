"""Refusals and errors as answers."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ror.errors import NotFound, RorError
from ror.web.errors import Refusal

__all__ = ["refused", "unavailable"]


def refused(_request: Request, error: Exception) -> Response:
    """The answer that a refusal is."""
    assert isinstance(error, Refusal)
    return PlainTextResponse(f"{error.what}\n", error.status, error.headers)


def unavailable(_request: Request, error: Exception) -> Response:
    """The answer where something of ours is not there: what is asked for, or the database."""
    assert isinstance(error, RorError)
    if isinstance(error, NotFound):
        return PlainTextResponse(f"{error.what}\n", HTTPStatus.NOT_FOUND)
    told = "this cannot be answered now; ask again later\n"
    return PlainTextResponse(told, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "10"})
