"""Who comes: every request shows a token (RFC 6750, RFC 7617), which opens one project, to some rights.

That of a host opens, of all projects, what the jobs that the host has been given need: their series, to read, and
themselves.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ror.registry import Right, Token, TokenStore
from ror.web.errors import Refusal
from ror.web.refused import refused
from ror.web.resources import ROOT

__all__ = ["JOBS", "SUBMISSIONS", "Access", "Needing", "token_of"]

_CHALLENGES = {"WWW-Authenticate": 'Bearer realm="ror", Basic realm="ror"'}
SUBMISSIONS = "/workflows"
"""Below it, workflows are submitted and asked for."""
JOBS = "/jobs"
"""Below it, hosts without the shared folder ask for what their jobs need; all else is DICOMweb."""
Needing: TypeAlias = Callable[[str, str, str], "str | None"]
"""The project of a job of a host that reads a series, by the names of host, study and series; None: no job does."""
_SERIES = re.compile(rf"{ROOT}/studies/([0-9.]{{1,64}})/series/([0-9.]{{1,64}})(/instances/[0-9.]{{1,64}})?")


class Access:
    """Lets nothing through without a token that has the right to it."""

    def __init__(self, app: ASGIApp, tokens: TokenStore, needing: Needing) -> None:
        self._app = app
        self._tokens = tokens
        self._needing = needing

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
            told = "nobody has this token, or not any more" if shown else "show a token: `ror token add`"
            raise Refusal(HTTPStatus.UNAUTHORIZED, told, _CHALLENGES)
        right = _right_to(request)
        if token.host and right is Right.READ:
            token = await run_in_threadpool(self._for_a_job, token, str(request.scope["path"]))
        request.state.token = token
        if right not in token.rights:
            raise Refusal(HTTPStatus.FORBIDDEN, f"the token {token.name} may not {right}")

    def _for_a_job(self, token: Token, path: str) -> Token:
        """What the token of a host is for a request to read: that of the project whose job needs the series."""
        named = _SERIES.fullmatch(path)
        project = self._needing(token.host, named[1], named[2]) if named else None
        if project is None:
            raise Refusal(HTTPStatus.FORBIDDEN, f"no job of host {token.host} needs this")
        return replace(token, project=project, rights=frozenset({Right.READ}))


def _right_to(request: Request) -> Right:
    """To submit for workflows, to work for jobs; of all else, to store for POST, and to read for what is not."""
    path = str(request.scope["path"])
    for resource, right in ((SUBMISSIONS, Right.SUBMIT), (JOBS, Right.WORK)):
        if path == resource or path.startswith(f"{resource}/"):
            return right
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
