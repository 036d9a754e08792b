"""How a PACS is asked which objects it holds: storage commitment, QIDO-RS or C-FIND, as its settings say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from orthanc import Peer, PeerRefused, PeerUnavailable, echo, find_instances
from ror.config import PacsSettings
from ror.pacs import web_of
from ror.registry import CommitmentStore
from ror.results.destinations.committing import Committing
from ror.results.destinations.contract import Held, Outgoing

__all__ = ["COMMITMENT", "Asking"]

COMMITMENT = "commitment"
Way: TypeAlias = Callable[[Sequence[Outgoing]], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Asking:
    """The ways to ask one PACS, best first; each is a name and what gives the UIDs that it holds.

    What is refused is asked in the next way; the last one's refusal is an error where the settings name it (`must`).
    """

    ways: tuple[tuple[str, Way], ...]
    must: bool

    @classmethod
    def of(
        cls, name: str, settings: PacsSettings, peer: Peer | None, commitments: CommitmentStore | None = None
    ) -> Asking:
        """As the settings say.

        ``auto`` is QIDO-RS where there is DICOMweb, else, or where it is refused, C-FIND. Storage commitment goes
        before, or in place of, both; it needs `commitments`.
        """
        ways: list[tuple[str, Way]] = []
        if settings.commitment and peer is not None and commitments is not None:
            only = settings.commitment is True
            ways.append((COMMITMENT, Committing(name, peer, commitments, must=only)))
            if only:
                return cls(tuple(ways), must=True)
        if settings.dicomweb_url and settings.confirm in ("auto", "qido"):
            ways.append(("QIDO-RS", lambda objects: _by_qido(settings, objects)))
        if peer is not None and settings.confirm in ("auto", "find"):
            tried = find_instances if settings.confirm == "find" else _tried
            ways.append(("C-FIND", lambda objects: tried(peer, _series(objects))))
        return cls(tuple(ways), must=settings.confirm not in ("auto", "no"))

    def __call__(self, objects: Sequence[Outgoing]) -> Held:
        """What the PACS holds of these objects, and perhaps of others.

        Raises
        ------
        PeerUnavailable
            It does not answer now.
        PeerRefused
            It does not let us ask in the way that the settings name.
        DeliveryUnavailable
            It is still to tell what it commits to.
        """
        why, instead = "it is not to be asked", ""
        for number, (by, ask) in enumerate(self.ways):
            try:
                return Held(by, ask(objects), instead)
            except PeerRefused as error:
                if self.must and number == len(self.ways) - 1:
                    raise
                why = str(error)
                instead = f"no storage commitment: {error}" if by == COMMITMENT else instead
        return Held(why, None)


def _series(objects: Sequence[Outgoing]) -> list[tuple[str, str]]:
    """All series that the objects are in, each with its study."""
    return sorted({(one.study_uid, one.series_uid) for one in objects})


def _by_qido(settings: PacsSettings, objects: Sequence[Outgoing]) -> frozenset[str]:
    with web_of(settings) as web:
        return web.find_instances(_series(objects))


def _tried(peer: Peer, series: list[tuple[str, str]]) -> frozenset[str]:
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
