"""What the path of a request names (PS3.18 10.1)."""

from __future__ import annotations

import re
from http import HTTPStatus

from starlette.requests import Request

from ror.web.errors import Refusal

__all__ = ["ROOT", "uid_in", "url_of"]

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
