"""The resources of WADO-RS: one project's instances, as objects, as JSON, as frames, and as pictures."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from itertools import islice

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ror.web.access import token_of
from ror.web.errors import Refusal
from ror.web.image_file import ImageFile
from ror.web.media import MediaType, accepted
from ror.web.metadata import bulk_value, metadata
from ror.web.models import choose_model, model_response
from ror.web.negotiation import choose, matches
from ror.web.reads import tell_objects
from ror.web.rendered import PICTURES, View, render
from ror.web.resources import place_of, url_of
from ror.web.retrieve import frames, instances
from ror.web.shelf import Held, Shelf

__all__ = ["Retrieving"]

_LEVELS = ("/studies/{study}", "/studies/{study}/series/{series}")
_INSTANCE = "/studies/{study}/series/{series}/instances/{instance}"
_FRAMES = re.compile(r"[1-9][0-9]{0,8}(,[1-9][0-9]{0,8}){0,9999}")
_THUMBNAIL = (128, 128)
_MOST_TRIED = 20  # instances, for a thumbnail: reports have none
_DECODING = 2


class Retrieving:
    """Answers GET below ``/studies/{study}``."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._decoding = CapacityLimiter(_DECODING)

    def routes(self) -> list[Route]:
        """Every resource; what decodes pixels is answered two at once, everything else as it comes."""
        found = []
        for path in (*_LEVELS, _INSTANCE):
            found.append(Route(path, self._instances))
            found.append(Route(f"{path}/metadata", self._metadata))
            found.append(Route(f"{path}/thumbnail", partial(self._limited, self._thumbnail)))
        return [
            *found,
            Route(f"{_INSTANCE}/bulkdata/{{path:path}}", partial(self._limited, self._bulk_data)),
            Route(f"{_INSTANCE}/rendered", partial(self._limited, self._rendered)),
            Route(f"{_INSTANCE}/frames/{{frames}}", partial(self._limited, self._frames)),
            Route(f"{_INSTANCE}/frames/{{frames}}/rendered", partial(self._limited, self._rendered)),
            Route(f"{_INSTANCE}/frames/{{frames}}/thumbnail", partial(self._limited, self._thumbnail)),
        ]

    async def _limited(self, answer: Callable[[Request], Response], request: Request) -> Response:
        return await to_thread.run_sync(answer, request, limiter=self._decoding)

    def _instances(self, request: Request) -> Response:
        return instances(self._held(request), _ranges(request))

    def _metadata(self, request: Request) -> Response:
        kind = choose_model(_ranges(request))
        return model_response(kind, metadata(self._held(request), partial(_url, request)))

    def _bulk_data(self, request: Request) -> Response:
        (held,) = self._held(request)
        if not any(matches(one.of_parts, "application/octet-stream") for one in _ranges(request)):
            raise Refusal(HTTPStatus.NOT_ACCEPTABLE, "bulk data are application/octet-stream")
        path = str(request.path_params["path"])
        return Response(bulk_value(held.file, path), media_type="application/octet-stream")

    def _frames(self, request: Request) -> Response:
        (held,) = self._held(request)
        return frames(ImageFile.open(held.file), _frame_numbers(request), _ranges(request))

    def _rendered(self, request: Request) -> Response:
        (held,) = self._held(request)
        image = ImageFile.open(held.file)
        numbers = _frame_numbers(request) if "frames" in request.path_params else [(image.frames + 1) // 2]
        return _picture(request, image, numbers, View.read(request.query_params))

    def _thumbnail(self, request: Request) -> Response:
        held = self._held(request)
        middle = len(held) // 2
        for one in islice((*held[middle:], *held[:middle]), _MOST_TRIED):
            image = ImageFile.open(one.file)
            if image.frames:
                tell_objects(request, 1)
                chosen = "frames" in request.path_params
                numbers = _frame_numbers(request) if chosen else [(image.frames + 1) // 2]
                return _picture(request, image, numbers, View.read(request.query_params, _THUMBNAIL))
        raise _no_image()

    def _held(self, request: Request) -> list[Held]:
        held = self._shelf.instances(place_of(request, token_of(request).project))
        tell_objects(request, len(held))
        return held


def _picture(request: Request, image: ImageFile, numbers: list[int], view: View) -> Response:
    if not image.frames:
        raise _no_image()
    kind = choose(_ranges(request), PICTURES)
    if len(numbers) != 1:
        raise Refusal(HTTPStatus.BAD_REQUEST, "one frame is rendered at a time")
    if numbers[0] > image.frames:
        raise Refusal(HTTPStatus.NOT_FOUND, f"there are {image.frames} frames")
    return Response(render(image, numbers[0] - 1, view, kind), media_type=kind)


def _ranges(request: Request) -> tuple[MediaType, ...]:
    return accepted(request.headers.get("accept"), request.query_params.get("accept"))


def _frame_numbers(request: Request) -> list[int]:
    text = str(request.path_params["frames"])
    if not _FRAMES.fullmatch(text):
        raise Refusal(HTTPStatus.BAD_REQUEST, "frames are numbers from 1, parted by commas")
    return [int(number) for number in text.split(",")]


def _url(request: Request, held: Held) -> str:
    return url_of(request, held.study_uid, held.series_uid, held.sop_uid)


def _no_image() -> Refusal:
    return Refusal(HTTPStatus.NOT_ACCEPTABLE, "this is no image")
