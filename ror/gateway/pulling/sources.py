"""Where studies are pulled from: a PACS by C-GET or C-MOVE, or a DICOMweb server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from orthanc import DicomWeb, FoundStudy, Peer, Query, Retrieved, find_studies, get_study, move_study
from ror.config import PacsSettings
from ror.errors import ConfigurationError
from ror.gateway.pulling.taker import Taker
from ror.pacs import peer_of, web_of

__all__ = ["Move", "StudySource", "source_of"]


class StudySource(Protocol):
    """Finds studies and fetches them, one at a time; raises `orthanc.PeerError`."""

    @property
    def sender(self) -> str:
        """Who quarantine says that its objects are from."""

    def find(self, query: Query) -> tuple[FoundStudy, ...]:
        """The studies that match."""

    def fetch(self, study: FoundStudy, taker: Taker) -> Retrieved:
        """Let all objects of a study be taken; how many there were, as the source counts them."""


@dataclass(frozen=True, slots=True)
class _Dimse:
    """A PACS that is asked by C-FIND."""

    peer: Peer

    @property
    def sender(self) -> str:
        return self.peer.ae_title

    def find(self, query: Query) -> tuple[FoundStudy, ...]:
        return find_studies(self.peer, query)


class _Get(_Dimse):
    __slots__ = ()

    def fetch(self, study: FoundStudy, taker: Taker) -> Retrieved:
        return get_study(self.peer, study, taker.take)


class Move(_Dimse):
    """C-MOVE to our listener, which takes the objects in: `taker` sees none of them."""

    __slots__ = ()

    def fetch(self, study: FoundStudy, taker: Taker) -> Retrieved:
        return move_study(self.peer, study, self.peer.calling_ae_title)


@dataclass(frozen=True, slots=True)
class _Web:
    client: DicomWeb
    sender: str

    def find(self, query: Query) -> tuple[FoundStudy, ...]:
        return self.client.find_studies(query)

    def fetch(self, study: FoundStudy, taker: Taker) -> Retrieved:
        return Retrieved(self.client.get_study(study, taker.take_file), 0)


def source_of(name: str, settings: PacsSettings, by: str, our_ae_title: str) -> StudySource:
    """The source that a ``[pacs.NAME]`` is; `by` is ``get``, ``move``, ``dicomweb``, or ``auto`` for its setting.

    Raises
    ------
    ConfigurationError
        It has no address for that.
    """
    by = settings.retrieve if by == "auto" else by
    if by == "auto":
        by = "get" if settings.host else "dicomweb"
    if by == "dicomweb":
        if not settings.dicomweb_url:
            raise _no_address(name, "dicomweb_url")
        return _Web(web_of(settings), name)
    if not settings.host:
        raise _no_address(name, "host, port and ae_title")
    peer = peer_of(settings, our_ae_title)
    return Move(peer) if by == "move" else _Get(peer)


def _no_address(name: str, keys: str) -> ConfigurationError:
    return ConfigurationError(
        f"[pacs.{name}] of ror.toml does not say {keys}", advice="add it, or choose another way with --by"
    )
