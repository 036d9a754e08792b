"""The DICOMweb service as an ASGI application: which resource is answered by whom (PS3.18 8.3, 10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Mount

from ror.errors import RorError
from ror.registry import TokenStore
from ror.web.access import Access, Needing
from ror.web.errors import Refusal
from ror.web.patience import Patience
from ror.web.reads import Read, Reads, log_read
from ror.web.refused import refused, unavailable
from ror.web.resources import ROOT

__all__ = ["application"]


def application(
    routes: Sequence[BaseRoute],
    tokens: TokenStore,
    max_requests: int,
    idle_seconds: float,
    *,
    origins: Sequence[str] = (),
    told: Callable[[Read], None] = log_read,
    without_token: Sequence[Middleware] = (),
    beside: Sequence[BaseRoute] = (),
    needing: Needing = lambda _host, _study, _series: None,
) -> Starlette:
    """All `routes` below ``/dicom-web``, others `beside` it; none without a token, each bounded in time and number.

    Pages of `origins` may ask for them, too, by scripts that show a token: browsers keep none for us (no credentials).
    Every request to read is `told`. By `needing`, tokens of hosts are judged. What is `without_token` answers for
    itself, before one is asked for.
    """
    middleware = [
        Middleware(Patience, requests=max_requests, seconds=idle_seconds),
        *without_token,
        Middleware(Reads, told=told),
        Middleware(Access, tokens=tokens, needing=needing),
    ]
    if origins:
        # First of all: a page asks what it may without a token (Fetch 3.3), and has to see refusals, too.
        of_others = Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization",),
            expose_headers=("Retry-After", "Warning", "WWW-Authenticate"),
        )
        middleware.insert(0, of_others)
    return Starlette(
        routes=[*beside, Mount(ROOT, routes=list(routes))],
        middleware=middleware,
        exception_handlers={Refusal: refused, RorError: unavailable},
    )
