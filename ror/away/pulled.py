"""What the gateway holds of the series of a job, pulled whole and checked: `ror.engine.stage.Held` of another host."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ror.archive import Index
from ror.away.gateway import Gateway
from ror.errors import ServiceUnavailable
from ror.model import Job

__all__ = ["Pulled"]


@dataclass(frozen=True, slots=True)
class PulledObject:
    """An object, in a file of our own."""

    path: str


class Pulled:
    """Pulls into `folder`; what came whole before a link broke is not pulled again.

    What there is of a series, the index tells; no object counts whose SHA-256 is not the one that is told there.
    """

    def __init__(self, index: Index, gateway: Gateway, folder: Path, job: Job) -> None:
        self._index = index
        self._gateway = gateway
        self._folder = folder
        self._study_of = {one.series_uid: one.study_uid for one in job.series}

    def content(self, series_uid: str) -> str:
        """What the gateway holds of it, as a digest."""
        return self._index.content(series_uid)

    def types(self, series_uid: str) -> Sequence[str]:
        """Its types."""
        return self._index.types(series_uid)

    def instances(self, series_uid: str) -> Sequence[PulledObject]:
        """Its objects, all of them, pulled now unless they are here.

        Raises
        ------
        ServiceUnavailable
            Some did not come, or not whole.
        """
        wanted = {one.sha256: one.sop_uid for one in self._index.instances(series_uid)}
        self._folder.mkdir(parents=True, exist_ok=True)
        if missing := self._missing(wanted):
            some = [wanted[sha256] for sha256 in missing] if len(missing) < len(wanted) else ()

            def take(pieces: Iterator[bytes]) -> None:
                self._take(pieces, missing)

            self._gateway.objects(self._study_of[series_uid], series_uid, take, some)
        if missing := self._missing(wanted):
            raise ServiceUnavailable(
                f"{len(missing)} of {len(wanted)} images of a series did not come whole from {self._gateway}",
                "they are pulled again; `ror doctor` there tells of damaged files",
            )
        return [PulledObject(str(self._folder / sha256)) for sha256 in wanted]

    def _missing(self, wanted: dict[str, str]) -> frozenset[str]:
        return frozenset(sha256 for sha256 in wanted if not (self._folder / sha256).exists())

    def _take(self, pieces: Iterator[bytes], wanted: frozenset[str]) -> None:
        """Keep an object that is wanted under its digest, once it is whole."""
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
            coming = Path(file.name)
            try:
                for piece in pieces:
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                if digest.hexdigest() in wanted:
                    coming.rename(self._folder / digest.hexdigest())
            finally:
                coming.unlink(missing_ok=True)
