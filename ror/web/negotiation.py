"""Which of the media types that there are a client gets (RFC 9110 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from ror.web.errors import Refusal
from ror.web.media import MediaType

__all__ = ["choose", "matches"]


def choose(ranges: Sequence[MediaType], offered: Sequence[str]) -> str:
    """The first offered type that the best fitting range means.

    Raises
    ------
    Refusal
        Not acceptable: nothing that is offered is accepted.
    """
    for one in ranges:
        for name in offered:
            if not one.is_multipart and matches(one.name, name):
                return name
    raise Refusal(HTTPStatus.NOT_ACCEPTABLE, f"this is to be had as {', '.join(offered)}")


def matches(wanted: str, name: str) -> bool:
    """Whether a range such as ``image/*`` means a type."""
    kind, _, rest = wanted.partition("/")
    return wanted in ("*/*", name) or (rest == "*" and name.startswith(f"{kind}/"))
