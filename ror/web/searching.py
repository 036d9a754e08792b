"""The resources of QIDO-RS."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ror.web.access import token_of
from ror.web.media import accepted
from ror.web.models import JSON_TYPES, choose_model, model_response
from ror.web.query import MOST_RESULTS, Query
from ror.web.reads import tell_objects
from ror.web.resources import place_of, url_of
from ror.web.search import Page, Search
from ror.web.shelf import Place

__all__ = ["searching"]

_MORE = (
    f'299 ror "The number of results exceeded {MOST_RESULTS}, the maximum supported by the server. '
    'Additional results can be requested."'
)


def searching(search: Search) -> list[Route]:
    """``/studies``, ``/series`` and ``/instances``, each below what it may be asked in."""
    resources: dict[str, Callable[..., Page]] = {
        "/studies": search.studies,
        "/series": search.series,
        "/studies/{study}/series": search.series,
        "/instances": search.instances,
        "/studies/{study}/instances": search.instances,
        "/studies/{study}/series/{series}/instances": search.instances,
    }
    return [Route(path, partial(_answer, find)) for path, find in resources.items()]


def _answer(find: Callable[[Place, Query, Callable[..., str]], Page], request: Request) -> Response:
    kind = choose_model(accepted(request.headers.get("accept"), request.query_params.get("accept")))
    query = Query.read(request.query_params.multi_items())
    found, more = find(place_of(request, token_of(request).project), query, partial(url_of, request))
    tell_objects(request, len(found))
    if kind in JSON_TYPES:
        response: Response = JSONResponse(found, media_type=kind)
    else:  # a body of parts has one at least (RFC 2046 5.1.1)
        response = model_response(kind, found) if found else Response(status_code=HTTPStatus.NO_CONTENT)
    for warning in (*query.warnings, *((_MORE,) if more and query.is_cut else ())):
        response.headers.append("Warning", warning)
    return response
