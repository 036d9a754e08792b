"""How a PACS is asked which objects it holds: C-FIND or QIDO-RS, by the setting ``confirm``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from orthanc import Peer, PeerRefused, PeerUnavailable, echo, find_instances
from ror.config import PacsSettings
from ror.pacs import web_of
from ror.results.destinations.contract import Held

__all__ = ["Asking"]

Series: TypeAlias = Sequence[tuple[str, str]]
"""Each with its study."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The ways to ask one PACS, best first; each is a name and what gives the UIDs of some series."""

    ways: tuple[tuple[str, Callable[[Series], frozenset[str]]], ...]
    must: bool

    @classmethod
    def of(cls, settings: PacsSettings, peer: Peer | None) -> Asking:
        """As the settings say; ``auto`` is QIDO-RS where there is DICOMweb, else, or where it is refused, C-FIND."""

        def qido(series: Series) -> frozenset[str]:
            with web_of(settings) as web:
                return web.find_instances(series)

        ways: list[tuple[str, Callable[[Series], frozenset[str]]]] = []
        if settings.dicomweb_url and settings.confirm in ("auto", "qido"):
            ways.append(("QIDO-RS", qido))
        if peer is not None and settings.confirm in ("auto", "find"):
            must = settings.confirm == "find"
            ways.append(
                ("C-FIND", lambda series: find_instances(peer, series) if must else _tried(peer, series))
            )
        return cls(tuple(ways), must=settings.confirm != "auto")

    def __call__(self, series: Iterable[tuple[str, str]]) -> Held:
        """What the PACS holds of some series.

        Raises
        ------
        PeerUnavailable
            It does not answer now.
        PeerRefused
            It does not let us ask in the way that the settings name.
        """
        why = "it is not to be asked"
        for by, ask in self.ways:
            try:
                return Held(by, ask(list(series)))
            except PeerRefused as error:
                if self.must:
                    raise
                why = str(error)
        return Held(why, None)


def _tried(peer: Peer, series: Series) -> frozenset[str]:
    """Ask by C-FIND; `PeerRefused` also where the peer is there, but ends every association in which it is asked.

    So does an Orthanc that does not know us, or may not let us ask.
    """
    try:
        return find_instances(peer, series)
    except PeerUnavailable:
        echo(peer)
    try:
        return find_instances(peer, series)
    except PeerUnavailable as error:
        raise PeerRefused(f"{peer} answers C-ECHO, but no C-FIND: {error}") from error
