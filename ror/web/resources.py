"""What the path of a request names (PS3.18 10.1)."""

from __future__ import annotations

import re
from http import HTTPStatus

from starlette.requests import Request

from ror.web.errors import Refusal
from ror.web.shelf import Place

__all__ = ["ROOT", "place_of", "uid_in", "url_of"]

ROOT = "/dicom-web"

_UID = re.compile(r"[0-9.]{1,64}")


def uid_in(request: Request, name: str) -> str:
    """The UID that the path has for ``study``, ``series`` or ``instance``."""
    uid = str(request.path_params[name])
    if not _UID.fullmatch(uid):
        raise Refusal(HTTPStatus.BAD_REQUEST, f"the path has no UID of a {name}: digits and dots, at most 64")
    return uid


def url_of(request: Request, study: str, series: str = "", instance: str = "") -> str:
    """Where a study, series or instance is retrieved, as this client addresses us."""
    url = f"{str(request.base_url).rstrip('/')}{ROOT}/studies/{study}"
    for kind, uid in (("series", series), ("instances", instance)):
        url += f"/{kind}/{uid}" if uid else ""
    return url


def place_of(request: Request, project: str) -> Place:
    """Where in a project the path leads."""
    levels = ("study", "series", "instance")
    return Place(project, **{name: uid_in(request, name) for name in levels if name in request.path_params})
