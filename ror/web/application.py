"""The DICOMweb service as an ASGI application: which resource is answered by whom (PS3.18 8.3, 10)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount

from ror.errors import RorError
from ror.registry import TokenStore
from ror.web.access import Access
from ror.web.errors import Refusal
from ror.web.patience import Patience
from ror.web.refused import refused, unavailable
from ror.web.resources import ROOT

__all__ = ["application"]


def application(
    routes: Sequence[BaseRoute], tokens: TokenStore, max_requests: int, idle_seconds: float
) -> Starlette:
    """All `routes` below ``/dicom-web``, none without a token, and each request bounded in time and number."""
    return Starlette(
        routes=[Mount(ROOT, routes=list(routes))],
        middleware=[
            Middleware(Patience, requests=max_requests, seconds=idle_seconds),
            Middleware(Access, tokens=tokens),
        ],
        exception_handlers={Refusal: refused, RorError: unavailable},
    )
