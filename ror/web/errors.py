"""What a request is refused with.

    Refusal             an answer in one line, with the HTTP status (RFC 9110 15) that says whose fault it is
    └── PeerGone        nobody is there any more to be answered: silent for too long, or disconnected

No text quotes what was sent as an object; it may quote the request's own headers and parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

__all__ = ["PeerGone", "Refusal"]


class Refusal(Exception):
    """The request cannot be served; `what` tells the client why, and what to do."""

    def __init__(self, status: HTTPStatus, what: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, what)
        self.status = status
        self.what = what
        self.headers = dict(headers or {})

    def __str__(self) -> str:
        return self.what


class PeerGone(Refusal):
    """The client does not send, or does not take what it is sent."""

    def __init__(self) -> None:
        super().__init__(
            HTTPStatus.REQUEST_TIMEOUT, "nothing has come for too long; send again", {"Connection": "close"}
        )
