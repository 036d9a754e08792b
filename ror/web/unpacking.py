"""A package that comes as ``.tar.gz``, how large it may be, and what is wrong with it as an answer."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from ror.packing import BadArchive, TooLarge, only_folder, unpack
from ror.web.errors import Refusal

__all__ = ["Limit", "unpacked"]

_MOST_ENTRIES = 20_000
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Limit:
    """How large what is sent may be, packed and unpacked, and the setting that says so."""

    what: str
    mib: int
    setting: str

    @property
    def most_bytes(self) -> int:
        """The same in bytes."""
        return self.mib * _MIB

    def require(self, size_bytes: int) -> None:
        """Refuse what is told to be larger."""
        if size_bytes > self.most_bytes:
            raise self.too_large()

    def too_large(self) -> Refusal:
        """What to say of more."""
        return Refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"{self.what} has at most {self.mib} MiB here ({self.setting})",
        )


def unpacked(archive: Path, folder: Path, most_bytes: int, limit: Limit) -> Path:
    """Unpack into a new folder; the folder with the manifest, which may be one further down.

    Raises
    ------
    Refusal
        It is no such archive, or too large, or has what no package can hold.
    """
    try:
        unpack(archive, folder, most_bytes, _MOST_ENTRIES, "r|gz")
    except TooLarge as error:
        told = f"{error}; {limit.setting} is the limit"
        raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told) from error
    except BadArchive as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"{error}; send what ror submit sends") from error
    archive.unlink()
    return only_folder(folder)
