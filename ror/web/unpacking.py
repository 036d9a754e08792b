"""A package that comes as ``.tar.gz``, and what is wrong with it as an answer."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from ror.packing import BadArchive, TooLarge, unpack
from ror.web.errors import Refusal

__all__ = ["unpacked"]

_MOST_ENTRIES = 20_000


def unpacked(archive: Path, folder: Path, most_bytes: int) -> Path:
    """Unpack into a new folder; the folder with the manifest, which may be one further down.

    Raises
    ------
    Refusal
        It is no such archive, or too large, or has what no package can hold.
    """
    try:
        unpack(archive, folder, most_bytes, _MOST_ENTRIES, "r|gz")
    except TooLarge as error:
        limit = f"{error}; web.max_package_mib is the limit"
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, limit) from error
    except BadArchive as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"{error}; send what ror submit sends") from error
    entries = list(folder.iterdir())
    alone = len(entries) == 1 and entries[0].is_dir() and not entries[0].is_symlink()
    return entries[0] if alone else folder
