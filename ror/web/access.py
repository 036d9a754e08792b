"""Who comes: every request shows a token, which opens one project, to some rights (RFC 6750, RFC 7617)."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ror.registry import Right, Token, TokenStore
from ror.web.errors import Refusal
from ror.web.refused import refused

__all__ = ["SUBMISSIONS", "Access", "token_of"]

_CHALLENGES = {"WWW-Authenticate": 'Bearer realm="ror", Basic realm="ror"'}
SUBMISSIONS = "/workflows"
"""Below it, workflows are submitted and asked for; all else is DICOMweb."""


class Access:
    """Lets nothing through without a token that has the right to it."""

    def __init__(self, app: ASGIApp, tokens: TokenStore) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            await self._admit(request)
        except Refusal as refusal:
            await refused(request, refusal)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _admit(self, request: Request) -> None:
        shown = _shown(request.headers.get("authorization", ""))
        token = await run_in_threadpool(self._tokens.find, shown) if shown else None
        if token is None:
            raise Refusal(HTTPStatus.UNAUTHORIZED, "show a token: `ror token add`", _CHALLENGES)
        request.state.token = token
        right = _right_to(request)
        if right not in token.rights:
            raise Refusal(HTTPStatus.FORBIDDEN, f"the token {token.name} may not {right}")


def _right_to(request: Request) -> Right:
    """To submit for workflows; of all else, to store for POST, and to read for what is not."""
    path = str(request.scope["path"])
    if path == SUBMISSIONS or path.startswith(f"{SUBMISSIONS}/"):
        return Right.SUBMIT
    return Right.STORE if request.method == "POST" else Right.READ


def token_of(request: Request) -> Token:
    """The token that has let this request in."""
    token = request.state.token
    assert isinstance(token, Token)
    return token


def _shown(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":  # clients that know no other: the token is the password, the user is free
        try:
            return base64.b64decode(credentials, validate=True).decode("ascii").partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
